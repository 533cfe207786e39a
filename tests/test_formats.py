"""The same statements in every format: none invented, none lost."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.json_shape import transcript_from_json
from smart_app.formats import GENERAL, KINDS, LAYOUTS, NAMES, OWN, arrange, layout
from smart_app.ports import Section, Statement, Summary
from smart_app.summary_shape import from_json, to_json

CALL = Path(__file__).parent / "draft/data/therapy_call.json"
KEYS = st.sampled_from([*sorted({h.key for headings in LAYOUTS.values() for h in headings}), "something-else"])
HEADINGS = st.lists(
    st.fixed_dictionaries({"title": st.text(min_size=1, max_size=9), "kind": st.sampled_from(list(KINDS))})
)


def _all(summary: Summary) -> Counter[tuple[str, str, tuple[str, ...], str, str]]:
    shown = [each for section in summary.sections for each in section.statements]
    return Counter((s.id, s.text, s.evidence, s.verdict, s.why) for s in (*shown, *summary.unplaced))


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """Any summary: of a known drafter (with kinds), or of one that knows only sections."""
    kinds = [*KINDS, ""]
    made = [
        Statement(id=f"s{n}", text=draw(st.text(max_size=8)), evidence=("u1",), verdict="supported", part=kind, place=n)
        for n, kind in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=12)))
    ]
    cut = draw(st.integers(0, len(made)))
    sections = (
        Section(key=draw(KEYS), title="One", statements=tuple(made[:cut])),
        Section(key=draw(KEYS), title="Two", statements=()),
    )
    return Summary(
        format=draw(st.sampled_from(list(NAMES))),
        sections=sections,
        for_your_wording=(),
        omissions=(),
        drafter="x",
        prompt_version="1",
        unplaced=tuple(made[cut:]),
    )


@pytest.mark.req("S03", "S30")
@settings(max_examples=150, deadline=None)
@given(summaries(), st.sampled_from(list(NAMES)), HEADINGS)
def test_no_statement_is_invented_or_lost(summary: Summary, style: str, headings: list[dict[str, str]]) -> None:
    """Whatever the format, each statement stands once, word for word with its sources and its verdict."""
    assert _all(arrange(summary, style, headings)) == _all(summary)


@settings(max_examples=50, deadline=None)
@given(summaries(), HEADINGS)
def test_a_general_heading_leaves_nothing_aside(summary: Summary, headings: list[dict[str, str]]) -> None:
    """General takes what no other heading holds."""
    assert arrange(summary, OWN, [*headings, {"title": "Other", "kind": GENERAL}]).unplaced == ()


@pytest.fixture(scope="module")
def drafted() -> dict[str, Summary]:
    """The sample call, drafted by the built-in drafter in each format."""
    transcript = transcript_from_json(json.loads(CALL.read_text()))
    made = {style: BuiltinDrafter().draft(transcript, style=style) for style in LAYOUTS}
    return {style: each for style, each in made.items() if isinstance(each, Summary)}


@pytest.mark.req("S03")
@pytest.mark.parametrize("style", list(LAYOUTS))
def test_laying_out_again_gives_what_drafting_in_the_format_gives(drafted: dict[str, Summary], style: str) -> None:
    """A SOAP summary in another format is, but for the numbers, what the drafter would have drafted in it."""
    again = arrange(drafted["soap"], style)

    def shown(summary: Summary) -> list[tuple[str, list[str]]]:
        return [(section.title, [each.text for each in section.statements]) for section in summary.sections]

    assert shown(again) == shown(drafted[style])
    assert again.for_your_wording == drafted["soap"].for_your_wording
    assert [each.title for each in again.sections] == [each.title for each in LAYOUTS[style]]


@pytest.mark.req("S03")
def test_it_is_the_same_after_it_was_stored(drafted: dict[str, Summary]) -> None:
    """What is sealed keeps kinds and places, so that it can be laid out when the transcript is gone."""
    stored = from_json(json.loads(json.dumps(to_json(drafted["soap"]))))
    assert isinstance(stored, Summary)
    assert arrange(stored, "birp") == arrange(drafted["soap"], "birp")


def test_a_summary_without_kinds_goes_by_its_sections(drafted: dict[str, Summary]) -> None:
    """An endpoint's or an older draft knows sections only: Plan stays Plan, Subjective becomes Data."""
    soap = drafted["soap"]
    bare = replace(
        soap,
        unplaced=(),
        sections=tuple(
            replace(each, statements=tuple(replace(s, part="", place=0) for s in each.statements))
            for each in soap.sections
        ),
    )
    dap = arrange(bare, "dap")
    assert [s.text for s in dap.sections[2].statements] == [s.text for s in soap.sections[3].statements]
    assert dap.unplaced == ()


def test_own_headings_hold_the_kinds_they_name() -> None:
    """A clinician's heading keeps its own words and takes one kind."""
    made = layout(OWN, [{"title": "Homework", "kind": "planned"}, {"title": "Rest", "kind": GENERAL}])
    assert [(each.title, each.parts) for each in made] == [("Homework", ("planned",)), ("Rest", (GENERAL,))]
