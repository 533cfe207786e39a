"""A medicine named a moment ago is what "it" and "them" are: its dose, start, stop and script are not lost (B07)."""

import pytest

from smart_app.draft.omissions import omissions
from tests.draft.said import drafted, everything, section, transcript

pytestmark = pytest.mark.req("B07")

WITHOUT_NAME = [
    (
        ("C: Are you taking the fluoxetine?", "P: He threw them out. I've not had any for four days."),
        "any for four days",
    ),
    (("C: Any fluoxetine left?", "P: No.", "C: I'll ask for a new script today.", "P: Send it to Boots."), "to Boots"),
    (("P: Sertraline fifty.", "C: Would you start tomorrow?", "P: I think so. With half. Can I do half?"), "do half"),
    (("C: How are the tablets?", "P: Fine. I take two when I wake at night."), "take two"),
    (("C: Is she on anything?", "G: Just melatonin, two milligrams. Three when she's really wired."), "Three when"),
    (("C: You had the depot.", "P: I did. I'm not saying I'll have it again."), "saying I'll have it"),
    (("C: And the lithium?", "P: It made me shake. I came off it in June."), "off it in June"),
    (("C: And the Concerta?", "P: Every morning.", "G: He's not taking it on weekends."), "not taking it on weekends"),
]
INSTRUCTED = [
    (("P: Sertraline fifty.", "C: Twenty-five for the first week, that's fine, then fifty.", "P: Okay."), "then fifty"),
    (("P: I missed the depot.", "C: I'd like the nurse to come with it, two hundred milligrams."), "two hundred"),
    (("C: Take one at night for a week, then two.", "P: All right."), "one at night for a week, then two"),
    (("C: Don't take it with grapefruit or alcohol.", "P: All right."), "grapefruit"),
    (("I: She says the prazosin made her dizzy.", "C: She should not restart it before Friday."), "not restart it"),
    (("P: The quetiapine helps.", "C: We could go up to a hundred and fifty."), "hundred and fifty"),
    (("C: It is forty milligrams from now on.", "P: Okay."), "forty milligrams"),
]
EVERYDAY = [
    ("P: He threw them out of the flat and I had no peace for four days.",),
    ("C: Would you like to start tomorrow?", "P: I could only start the new job on Monday."),
    ("P: Take it from me, it was two hundred grams of pasta.",),
    ("P: I drink five hundred millilitres of water.",),
    (
        "C: How is the medication?",
        "P: Fine.",
        "C: Good, so let us take it slowly.",
        "P: I took it personally, to be honest.",
    ),
    ("C: Do you take tablets?", "P: No.", "C: And the course?", "P: I took two weeks off and took it easy."),
    ("C: Take one day at a time.", "P: I will."),
    ("C: Take ten minutes at night for yourself.",),
]


@pytest.mark.parametrize(("lines", "held"), WITHOUT_NAME)
def test_what_becomes_of_a_medicine_named_before_is_drafted_or_offered(lines: tuple[str, ...], held: str) -> None:
    """Whether it stands in the draft or beside it, the clinician sees it."""
    summary = drafted(*lines)
    shown = [*(s.text for s in everything(summary)), *(o.text for o in summary.omissions if o.kind == "medication")]
    assert held in " ".join(shown)


@pytest.mark.parametrize(("lines", "held"), INSTRUCTED)
def test_how_to_take_it_is_in_every_plan(lines: tuple[str, ...], held: str) -> None:
    """The name may stand turns before, or not at all."""
    assert held in " ".join(section(drafted(*lines), "plan"))
    assert held in " ".join(o.text for o in omissions(transcript(*lines), ()) if o.kind == "medication")


@pytest.mark.parametrize("lines", EVERYDAY)
def test_everyday_words_are_no_medication(lines: tuple[str, ...]) -> None:
    """Pasta has a weight too, and much else is taken, started and thrown out."""
    assert "medication" not in {o.kind for o in omissions(transcript(*lines), ())}


def test_a_medicine_is_meant_for_a_few_turns_only() -> None:
    """Later, "it" is something else."""
    talk = ("C: And work?", "P: Busy as ever.") * 3
    assert not omissions(transcript("C: Any tablets?", "P: No.", *talk, "P: I have been taking it home."), ())
