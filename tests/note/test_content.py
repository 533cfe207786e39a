"""The note's content as data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.text import LEFT_OPEN, NOT_DOCUMENTED
from smart_app.note import content as contents
from smart_app.note.content import Content, ElementEdit, LineEdit
from smart_app.note.json_shape import content_from_json, content_to_json
from smart_app.note.ready_made import READY_MADE
from smart_app.summary_shape import summary_from_json
from tests.note.visit import SUMMARY

SOAP_NOTE = next(elements for id_, _, elements in READY_MADE if id_ == "soap-progress-note")
TIMES = {"u2": (29.0, 36.8)}


def filled() -> Content:
    """Return a SOAP progress note, filled."""
    return contents.fill(contents.from_template(SOAP_NOTE), summary_from_json(SUMMARY), TIMES)


def line(content: Content, line_id: str) -> contents.Line:
    """Return one line of the AI element."""
    element = contents.ai_element(content)
    assert element is not None
    return next(each for part in element.parts for each in part.lines if each.id == line_id)


def with_line(content: Content, part: str, edit: LineEdit) -> Content:
    """Apply one line's edit."""
    return contents.apply(content, [ElementEdit(link_id=contents.AI_TYPE, text="", parts={part: (edit,)})])


@pytest.mark.req("S33")
@given(texts=st.lists(st.text(max_size=60), min_size=3, max_size=3))
def test_filling_leaves_every_other_element_as_it_was(texts: list[str]) -> None:
    """The summary goes into the AI element and into nothing else, byte for byte."""
    own = [each["link_id"] for each in SOAP_NOTE if each["type"] == "text"]
    edits = [ElementEdit(link_id=link, text=text) for link, text in zip(own, texts, strict=True)]
    before = contents.apply(contents.from_template(SOAP_NOTE), edits)
    after = contents.fill(before, summary_from_json(SUMMARY), {})
    assert [each for each in after if each.type == "text"] == [each for each in before if each.type == "text"]
    assert [each.text for each in after if each.type == "text"] == texts


@pytest.mark.req("S03")
def test_the_filled_element_has_the_four_headed_parts() -> None:
    """SOAP: Subjective, Objective, Assessment, Plan, each as a headed part."""
    text = contents.element_text(contents.ai_element(filled()))  # type: ignore[arg-type]
    headings = [each for each in text.splitlines() if each.endswith(":")]
    assert headings == ["Subjective:", "Objective:", "Assessment:", "Plan:"]


def test_a_part_without_statements_says_so_and_no_hint_is_filed() -> None:
    """An empty part reads as left open; what sound cannot show is never asserted and hints stay on the page."""
    text = contents.element_text(contents.ai_element(filled()))  # type: ignore[arg-type]
    assert f"Objective:\n{LEFT_OPEN}" in text
    signed = contents.element_text(contents.ai_element(filled()), empty=NOT_DOCUMENTED)  # type: ignore[arg-type]
    assert f"Objective:\n{NOT_DOCUMENTED}" in signed
    assert all(section["hint"] not in text for section in SUMMARY["sections"])
    assert "I will call my sister" not in text, "an omission is offered, never inserted"
    assert "nineteen" not in text, "a line for the clinician's wording is not in the note"


@pytest.mark.req("B16")
def test_unsupported_statements_block_until_kept_edited_or_removed() -> None:
    """Exactly the statements marked partly or no source block, and each decision frees one."""
    content = filled()
    assert contents.blocking_statements(content) == ("s3", "s5")
    kept = with_line(content, "subjective", LineEdit(id="s3", text="ignored", state="kept"))
    assert contents.blocking_statements(kept) == ("s5",)
    assert line(kept, "s3").text == SUMMARY["sections"][0]["statements"][2]["text"]
    edited = with_line(content, "subjective", LineEdit(id="s3", text="Missed two doses.", state="edited"))
    assert contents.blocking_statements(edited) == ("s5",)
    removed = with_line(content, "assessment", LineEdit(id="s5", text="", state="removed"))
    assert contents.blocking_statements(removed) == ("s3",)
    assert "Mood has improved" not in contents.to_elements(removed)[1][2]


def test_the_page_cannot_change_evidence_or_verdict() -> None:
    """What a statement rests on and how it was judged come from the drafter alone."""
    edited = with_line(filled(), "subjective", LineEdit(id="s1", text="Other words.", state="edited"))
    assert line(edited, "s1").evidence == line(filled(), "s1").evidence
    assert line(edited, "s1").verdict == "supported"
    assert line(edited, "s1").state == "edited"


@pytest.mark.req("B16")
def test_a_reworded_statement_without_a_source_waits_until_it_is_kept_or_removed() -> None:
    """Only what was shown with its verdict can be kept in spite of it; new words are checked anew."""
    edit = LineEdit(id="s1", text="Client took cocaine.", state="edited")
    early = with_line(filled(), "subjective", LineEdit(id="s1", text=edit.text, state="edited", is_own=True))
    edited = contents.check_edits(early, lambda line: ("no source", f"Not said: {line.text}"))
    assert "s1" in contents.blocking_statements(edited)
    assert contents.edits_checked(edited)["s1"]["checked_why"] == "Not said: Client took cocaine."
    kept = with_line(edited, "subjective", LineEdit(id="s1", text=edit.text, state="edited", is_own=True))
    assert "s1" not in contents.blocking_statements(kept)
    assert content_from_json(content_to_json(kept)) == kept
    assert not contents.needs_check(kept)
    again = with_line(kept, "subjective", LineEdit(id="s1", text="Other.", state="edited", is_own=True))
    assert contents.needs_check(again)
    removed = with_line(edited, "subjective", LineEdit(id="s1", text="", state="removed"))
    assert "s1" not in contents.blocking_statements(removed)


@pytest.mark.req("B16")
def test_a_note_as_text_tells_the_clinicians_lines_from_drafted_ones() -> None:
    """Edited and added lines are marked wherever drafted ones stand beside them; drafted ones are not."""
    edited = with_line(filled(), "subjective", LineEdit(id="s1", text="Two attacks.", state="edited"))
    both = with_line(edited, "plan", LineEdit(id="own-1", text="Ring her doctor.", state="added"))
    text = contents.element_text(contents.ai_element(both))  # type: ignore[arg-type]
    assert f"Two attacks. {contents.EDITED}" in text
    assert f"Ring her doctor. {contents.ADDED}" in text
    assert text.count("by the clinician]") == 2


def test_an_edit_that_changes_nothing_counts_as_kept() -> None:
    """Saved without a change: the words stay the drafter's."""
    same = SUMMARY["sections"][0]["statements"][2]["text"]
    after = with_line(filled(), "subjective", LineEdit(id="s3", text=same, state="edited"))
    assert line(after, "s3").state == "kept"


def test_a_line_from_an_offer_keeps_its_evidence_and_stays_marked_as_ai_content() -> None:
    """The recording's words taken over by a click still link to their source."""
    edit = LineEdit(id="own-1", text="Client will call her sister on Sunday.", state="added", offer="said-0")
    after = with_line(filled(), "plan", edit)
    assert [each.id for each in line(after, "own-1").evidence] == ["u10"]
    assert contents.has_ai_text(after)


def test_an_added_line_stands_where_the_page_shows_it() -> None:
    """Among the drafted lines, by its moment of the session, and still there after the next load."""
    element = contents.ai_element(filled())
    assert element is not None
    before = next(part for part in element.parts if part.key == "subjective")
    shown = [LineEdit(id=each.id, text=each.text, state="kept") for each in before.lines]
    own = LineEdit(id="own-1", text="Slept badly.", state="added")
    edits = (shown[0], own, *shown[1:])
    edit = ElementEdit(link_id=contents.AI_TYPE, text="", parts={"subjective": edits})
    after = contents.ai_element(contents.apply(filled(), [edit]))
    assert after is not None
    stored = next(part for part in after.parts if part.key == "subjective")
    assert [each.id for each in stored.lines] == [each.id for each in edits]


def test_a_note_of_the_clinicians_own_lines_is_no_ai_content() -> None:
    """With every drafted statement removed, what is left is theirs (B14)."""
    content = filled()
    element = contents.ai_element(content)
    assert element is not None
    parts = {
        part.key: tuple(LineEdit(id=each.id, text="", state="removed") for each in part.lines) for part in element.parts
    }
    parts["objective"] = (LineEdit(id="own-1", text="Calm.", state="added"),)
    after = contents.apply(content, [ElementEdit(link_id=contents.AI_TYPE, text="", parts=parts)])
    assert not contents.has_ai_text(after)
    assert contents.to_elements(after)[1][3] is False
    text = contents.to_elements(after)[1][2]
    assert "Objective:\nCalm." in text
    assert f"Plan:\n{LEFT_OPEN}" in text


@pytest.mark.req("B05")
def test_evidence_times_stay_with_the_note() -> None:
    """When the transcript is gone, ids and times are left, and no words."""
    assert line(filled(), "s1").evidence == (contents.Evidence(id="u2", start_s=29.0, end_s=36.8),)


def test_content_survives_being_stored() -> None:
    """What is sealed reads back equal."""
    assert content_from_json(content_to_json(filled())) == filled()


def test_an_addendum_locks_what_was_signed_and_can_be_made_twice() -> None:
    """The signed text is carried over and cannot be edited; each addendum has a heading of its own."""
    first = contents.for_addendum(filled())
    assert [each.title for each in first][-1] == "Addendum"
    tried = contents.apply(
        first, [ElementEdit(link_id="risk", text="changed"), ElementEdit(link_id="addendum", text="x")]
    )
    assert [each.text for each in tried if each.link_id in {"risk", "addendum"}] == ["", "x"]
    assert [each.title for each in contents.for_addendum(tried)][-2:] == ["Addendum", "Addendum 2"]
    assert contents.blocking_statements(first) == ()


def test_withdrawn_ai_text_leaves_the_clinicians_own_words() -> None:
    """After a withdrawal drafted and offered words are gone from a draft, their own stay."""
    content = with_line(filled(), "objective", LineEdit(id="own-1", text="Calm.", state="added"))
    content = with_line(content, "plan", LineEdit(id="own-2", text="Call sister.", state="added", offer="said-0"))
    after = contents.without_ai_text(content)
    assert contents.to_elements(after)[1][2] == f"{contents.CLINICIAN_REPORTED}\n\nCalm."
    assert not contents.has_ai_text(after)


@pytest.mark.req("D18")
def test_what_was_signed_stays_in_an_addendum() -> None:
    """A withdrawal takes nothing out of what an addendum carries on of the signed note."""
    addendum = contents.for_addendum(filled())
    assert contents.has_ai_text(addendum)
    assert contents.without_ai_text(addendum) == addendum
