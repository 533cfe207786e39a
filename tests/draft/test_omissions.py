"""What was said plainly and is not in the draft is offered with its lines (B07)."""

import random
from collections.abc import Sequence

import pytest

from benchmarks.omissions import Planted, planted
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.omissions import MOST, omissions
from smart_app.ports import Omission, Statement, Summary
from tests.draft.said import TALK, part, transcript

pytestmark = pytest.mark.req("B07")
PLANTS = list(planted(random.Random(1)))
FEWEST_PERCENT = 95


def offered(plant: Planted) -> Sequence[Omission]:
    """Return what is offered when a draft of the rest lacks the planted turns."""
    lines = [f"{'C' if speaker == 'clinician' else 'P'}: {text}" for speaker, text in plant.turns]
    draft = BuiltinDrafter().draft(transcript(*TALK))
    assert isinstance(draft, Summary)
    return omissions(transcript(*TALK, *lines), draft.sections)


def test_at_least_two_hundred_planted_sentences_are_offered_with_their_lines() -> None:
    """Six kinds, many phrasings, half of them held out: at least 95 in 100, in both halves."""
    assert len(PLANTS) >= 200
    for half in (True, False):
        mine = [p for p in PLANTS if p.is_held_out == half]
        found = [any(int(i[1:]) > len(TALK) for o in offered(p) for i in o.evidence) for p in mine]
        assert 100 * sum(found) / len(found) >= FEWEST_PERCENT


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["P: I have been drinking about a bottle of wine a night."], "substances"),
        (["C: Do you smoke?", "P: Yes, a few a day."], "substances"),
        (["P: I was diagnosed with bipolar disorder when I was twenty."], "diagnosis"),
        (["C: What you describe sounds like generalized anxiety disorder."], "diagnosis"),
        (["P: I stopped taking the sertraline two weeks ago."], "medication"),
        (["C: Are you safe at home?", "P: Not really, he still has a key."], "risk"),
        (["C: I will see you again next Tuesday at ten."], "appointment"),
        (["C: Try to notice the thought and write it in the log."], "homework"),
    ],
)
def test_each_kind_is_offered_under_its_name(lines: list[str], kind: str) -> None:
    """With the lines it rests on."""
    found = omissions(transcript(*lines), ())
    assert kind in {o.kind for o in found}
    assert all(o.evidence for o in found)


@pytest.mark.parametrize(
    "lines",
    [
        ["C: Do you drink alcohol?", "P: No."],
        ["C: Do you have thoughts of hurting yourself?", "P: No, not at all."],
        ["P: I drink plenty of water and tea."],
        ["C: Have you ever been diagnosed with depression?", "P: No."],
        ["P: I tried to write a letter to my aunt."],
        ["P: I saw my sister on Friday evening at seven."],
        ["P: I took the bus and had half a sandwich."],
    ],
)
def test_plain_denials_and_everyday_talk_are_not_offered(lines: list[str]) -> None:
    """Offers that nobody wants bury the ones that matter."""
    assert omissions(transcript(*lines), ()) == ()


def test_a_short_answer_is_offered_with_its_question() -> None:
    """ "Yes, on and off" says nothing alone; both lines are its evidence."""
    [found] = omissions(transcript("C: Have you had thoughts of hurting yourself?", "P: Yes, on and off."), ())
    assert found.kind == "risk"
    assert found.text.startswith('Asked "')
    assert found.evidence == ("u1", "u2")


def test_a_drafted_medication_without_its_change_does_not_cover_the_change() -> None:
    """ "Takes sertraline" is not "stopped sertraline"."""
    lines = transcript("P: I take sertraline for my mood.", "P: I stopped the sertraline two weeks ago.")
    takes = Statement(id="s1", text="Client takes sertraline for mood.", evidence=("u1",), verdict="supported")
    assert [o.kind for o in omissions(lines, part(takes))] == ["medication"]


def test_offers_are_few_and_the_gravest_stay() -> None:
    """Never more than a page can show; risk is the last to go."""
    often = [f"P: On day {n} I was drinking vodka with person {n}." for n in range(30)]
    found = omissions(transcript(*often, "P: I want to kill myself."), ())
    assert len(found) == MOST
    assert "risk" in {o.kind for o in found}


def test_what_is_said_twice_is_offered_once() -> None:
    """The same words and numbers again are no second fact."""
    line = "P: I smoke a pack a day."
    assert len(omissions(transcript(line, "C: I see.", line), ())) == 1
