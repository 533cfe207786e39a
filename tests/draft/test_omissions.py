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
        ["P: I have been drinking lots of fluids."],
        ["C: You were here after the emergency room for your chest pain."],
    ],
)
def test_plain_denials_and_everyday_talk_are_not_offered(lines: list[str]) -> None:
    """Offers that nobody wants bury the ones that matter."""
    assert omissions(transcript(*lines), ()) == ()


@pytest.mark.parametrize(
    "lines",
    [
        ["P: My brother drinks a lot, and I really do not want to end up like that."],
        ["C: Do you drink alcohol?", "P: My brother drinks a lot."],
        ["C: Does anyone in your family drink?", "P: Yes, my father."],
        ["P: My brother is an alcoholic and he smokes weed every day."],
        ["P: He called me twice when he was drunk."],
        ["P: My mother has bipolar disorder."],
        ["C: So your mother and sister both have migraines."],
        ["C: Is there any depression in the family?", "P: My aunt had depression."],
    ],
)
def test_what_is_told_of_others_is_not_offered_as_the_client_s(lines: list[str]) -> None:
    """A brother's drinking is no substance use of the client's, and family history is no diagnosis."""
    assert omissions(transcript(*lines), ()) == ()


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["P: My brother and I drink every night."], "substances"),
        (["P: My wife says I was drunk again."], "substances"),
        (["P: My brother drinks beer and I drink vodka."], "substances"),
        (["P: I took my brother's Adderall."], "substances"),
        (["P: My doctor said it is depression."], "diagnosis"),
        (["P: She told me that it is bipolar disorder."], "diagnosis"),
        (["G: He was diagnosed with ADHD."], "diagnosis"),
        (["P: My husband hits me when he is drunk."], "risk"),
    ],
)
def test_others_beside_the_client_hide_nothing_of_the_client_s(lines: list[str], kind: str) -> None:
    """Who says it, or does it too, is not the one of whom it is said; a guardian speaks of the client."""
    assert [o.kind for o in omissions(transcript(*lines), ())] == [kind]


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


def test_of_a_long_stretch_without_punctuation_the_words_that_matter_are_shown() -> None:
    """Recognised speech may have no full stops; an offer of two hundred words is not read."""
    talk = " ".join(["so we went through all of it and then some more"] * 12)
    [found] = omissions(transcript(f"C: {talk} and we will start sertraline fifty milligrams {talk}"), ())
    assert "start sertraline fifty milligrams" in found.text
    assert len(found.text.split()) < 50
