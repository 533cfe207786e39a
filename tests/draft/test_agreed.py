"""What the two settled stands in the plan, as it was settled: never a first proposal that nobody holds to (B07)."""

import pytest

from smart_app.draft.omissions import omissions
from tests.draft.said import drafted, everything, section, transcript

pytestmark = pytest.mark.req("B07")

ANSWERED = [
    (("C: Thursday at eleven?", "P: Yes."), 'Client, asked "Thursday at eleven?": "Yes."'),
    (("C: Are you free on the twelfth?", "P: Yes, at three."), "twelfth?\": \"Yes, at three.\""),
    (("C: Shall we say Monday?", "P: Monday works. Two o'clock."), '"Monday works. Two o\'clock."'),
    (("C: Does the twenty-first suit you?", "P: That's fine."), 'Client, asked "Does the twenty-first suit you?"'),
    (("C: How about Friday at half nine?", "P: Perfect, see you then."), '"Perfect, see you then."'),
    (("P: Can we do Friday at ten?", "C: Yes, ten is fine."), 'Clinician, asked "Can we do Friday at ten?"'),
    (("P: I could do Tuesday at four.", "C: Great, I'll put that in."), 'on "I could do Tuesday at four.": "Great'),
]  # fmt: skip
SAID = [
    "We'll skip next week and start back on the twenty-eighth.",
    "I'm away for a fortnight so you'll see Dr Jones instead on the ninth.",
    "And see me Monday at two.",
]
RENEGOTIATED = [
    (
        ("C: Let's meet on the sixth of May.", "P: The sixth is a bank holiday.",
         "C: You're right. The seventh then."), "seventh"),
    (
        ("C: And we'll look at it on the twenty third.", "P: Isn't it the twenty second?",
         "C: You're right, the twenty-second, at two."), "twenty-second, at two"),
    (
        ("C: Okay, and we meet again Thursday the twelfth at ten?", "P: I can't do ten, can we do half eleven?",
         "C: Half eleven is fine."), "Half eleven is fine"),
    (
        ("C: I'll do bloods, thyroid and lipids.", "P: I had my lipids done in August, they were fine.",
         "C: Just thyroid then."), "Just thyroid then"),
    (
        ("C: This week I'd like you to bathe her with your wife in the next room. Would you do that?",
         "P: I can't. Not yet. I could read to her.", "C: Let's go with reading to her then, ten minutes every night.",
         "P: Okay. Deal."), "reading to her then"),
    (
        ("C: Let's meet on Monday at nine.", "P: Nine is too early.", "C: Ten then.", "P: I can't do ten either.",
         "C: Okay, eleven then."), "eleven then"),
]  # fmt: skip
NOT_SETTLED = [
    ("C: When did it happen?", "P: In the evening.", "C: On Thursday?", "P: Yes."),
    ("C: Did you drink on Friday?", "P: Yes."),
    ("C: Were you at work on Monday at ten?", "P: Yes."),
    ("C: Is it every Monday at nine?", "P: Yes."),
    ("P: He called on Thursday at eleven.", "C: Thursday at eleven?", "P: Yes."),
    ("C: Are you free on the twelfth?", "P: No, I am away."),
    ("C: Let's meet on the sixth of May.", "P: Okay.", "C: Right then."),
]


@pytest.mark.parametrize(("lines", "held"), ANSWERED)
def test_a_day_asked_for_and_agreed_to_is_an_appointment(lines: tuple[str, ...], held: str) -> None:
    """Whoever asks; it stands once, with its answer."""
    summary = drafted(*lines)
    assert [s for s in section(summary, "plan") if held in s]
    found = omissions(transcript(*lines), ())
    assert [o.kind for o in found] == ["appointment"]
    assert held in found[0].text
    assert not summary.omissions


@pytest.mark.parametrize("said", SAID)
def test_a_day_that_the_clinician_names_is_an_appointment(said: str) -> None:
    """Whatever word stands for the meeting."""
    lines = (f"C: {said}", "P: All right.")
    assert said.rstrip(".") in " ".join(section(drafted(*lines), "plan"))
    assert [o.kind for o in omissions(transcript(*lines), ())] == ["appointment"]


@pytest.mark.parametrize(("lines", "held"), RENEGOTIATED)
def test_a_plan_that_was_turned_round_stands_as_it_was_settled(lines: tuple[str, ...], held: str) -> None:
    """In one statement, with what was proposed and what the client said to it, all of them its evidence."""
    made = [s for s in everything(drafted(*lines)) if s.part == "planned"]
    first = lines[0][3:].split(". Would")[0].rstrip(".?")
    [settled] = [s for s in made if first in s.text]
    assert held in settled.text
    assert {"u3", "u4", "u5"} <= set(settled.evidence)


@pytest.mark.parametrize(("lines", "held"), RENEGOTIATED)
def test_a_draft_with_the_first_proposal_is_offered_the_settled_one(lines: tuple[str, ...], held: str) -> None:
    """Whoever drafted."""
    [found] = [o for o in omissions(transcript(*lines), ()) if held in o.text]
    assert found.kind in ("appointment", "homework")
    assert {"u1", "u2", "u3"} <= set(found.evidence)


@pytest.mark.parametrize("lines", NOT_SETTLED)
def test_what_is_not_agreed_on_is_no_appointment(lines: tuple[str, ...]) -> None:
    """Of the past, echoed, refused, or not turned round at all."""
    texts = [s.text for s in everything(drafted(*lines)) if s.part == "planned"]
    assert not [t for t in texts if t.endswith('"Yes."') or t.count('"') > 4]


def test_a_refused_proposal_does_not_stand_alone() -> None:
    """Where nothing else was settled, the refusal stands with it."""
    plan = section(drafted("C: Let's meet on the sixth of May.", "P: No, I can't come any more.", "C: I see."), "plan")
    assert plan == ['Client, on "Let\'s meet on the sixth of May.": "No, I can\'t come any more."']
