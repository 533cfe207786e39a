"""Under which heading the clinician's own words stand, and that none of what they found or hold is lost (B07)."""

import pytest

from smart_app.draft.omissions import omissions
from smart_app.ports import Statement
from tests.draft.said import drafted, everything, section, transcript

pytestmark = pytest.mark.req("B07")

MEASURED = [
    "So the Y-BOCS last time was twenty-eight, today it's twenty-two.",
    "You scored fourteen on the Edinburgh.",
    "The nurse weighed you at forty-six point two.",
    "The Conners came back at seventy-two for inattention.",
    "Your lithium came back at nought point eight.",
    "I can see that you're tearful.",
    "I notice you are tapping your foot.",
]
FORMULATED = [
    "My sense is that you're more tired than hopeless at the moment.",
    "I don't think you're a danger to him.",
    "I think you're exhausted and anxious.",
    "I think he is frightened of losing you.",
    "It's in the very elevated range.",
]
NEITHER = [
    "I hear you. I hear that you see it differently.",
    "I see that you came by bus.",
    "I feel that you should decide.",
    "I think you're right.",
    "I think you're on mute.",
    "I think you're going to enjoy it.",
    "You came back at ten.",
    "We scored a goal.",
]
DUTY = [
    "I have to tell you that when a child sees it I need to speak to social care.",
    "I'll have to make a safeguarding referral.",
    "I would have to break confidentiality if that happened.",
    "I'm going to ring children's services this afternoon.",
]


def made(*said: str) -> list[Statement]:
    """Draft what the clinician says, and return what rests on it."""
    lines = [f"C: {each}" for each in said]
    return [s for s in everything(drafted(*lines, "P: Okay.")) if "u3" in s.evidence]


@pytest.mark.parametrize(
    ("said", "part"), [*((each, "measured") for each in MEASURED), *((each, "formulated") for each in FORMULATED)]
)
def test_what_the_clinician_found_or_holds_is_drafted_under_its_heading(said: str, part: str) -> None:
    """A figure with its scale, a judgement with the word of risk in it."""
    [found] = made(said)
    assert said.rstrip(".") in found.text
    assert found.part == part


@pytest.mark.parametrize("said", NEITHER)
def test_listening_and_talk_is_no_finding(said: str) -> None:
    """To hear somebody is not to find something, and "you're on mute" is no formulation."""
    assert not [s for s in made(said) if s.part in ("measured", "formulated")]


@pytest.mark.parametrize("said", DUTY)
@pytest.mark.parametrize("when", ["", "P: Please don't."])
def test_a_duty_to_tell_others_is_in_every_plan(said: str, when: str) -> None:
    """And offered where a draft lacks it."""
    lines = tuple(line for line in (f"C: {said}", when) if line)
    assert said.rstrip(".") in " ".join(section(drafted(*lines), "plan"))
    assert "risk" in {o.kind for o in omissions(transcript(*lines), ())}


def test_work_in_social_care_is_no_duty() -> None:
    """It is a job."""
    assert not omissions(transcript("P: I work in social care.", "C: In social care, I see."), ())


def test_what_is_to_be_done_about_risk_stays_in_the_plan() -> None:
    """An order is no judgement, whatever it begins with."""
    plan = section(
        drafted("C: My sense is that we should write a safety plan for the hopeless days.", "P: Yes."), "plan"
    )
    assert [s for s in plan if "safety plan" in s]


@pytest.mark.parametrize("reply", ["No, course not.", "No, I won't.", "No."])
def test_no_to_a_denial_is_assent(reply: str) -> None:
    """ "You're not going to stop it?" "No." keeps it, and declines nothing."""
    said = "Okay, we'll keep them. And you're not going to stop the venlafaxine without talking to Dr Brook."
    plan = section(drafted(f"C: {said}", f"P: {reply}"), "plan")
    assert [s for s in plan if s.startswith("Clinician") and "not going to stop the venlafaxine" in s]
    assert not [s for s in plan if s.startswith('Client, on "Okay')]


def test_no_to_a_proposal_still_declines_it() -> None:
    """What is not denied is turned down by a "No"."""
    plan = section(drafted("C: I will increase the venlafaxine.", "P: No, I don't want more."), "plan")
    assert [s for s in plan if s.startswith("Client, on ")]
