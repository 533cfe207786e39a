"""Risk is often told without a word of the lists: the pair of a means and a body part is what says it (B07)."""

import pytest

from smart_app.draft.cues import cues
from smart_app.draft.omissions import omissions
from tests.draft.said import drafted, everything, transcript

pytestmark = pytest.mark.req("B07")

TOLD = [
    "I had the razor against my wrist.",
    "I've had the scissors on my arm again.",
    "I held the blade to my thigh.",
    "I tied the belt to the door and then I took it off again.",
    "I tied the cord round the banister.",
    "I looked up how to run a hose from the exhaust.",
    "He put his hands round my neck.",
    "He had me by the throat.",
    "He pinned me down and wouldn't stop when I said no.",
    "She held me against the wall.",
    "I told him to stop and he kept going.",
    "He made me have sex with him.",
    "I keep wanting to drive into the central reservation.",
    "I keep picturing driving into a tree.",
    "I walked out in front of a bus and the driver swerved.",
    "I thought about stepping in front of a train.",
    "I nearly jumped off the car park.",
    "I wanted to not exist.",
    "I wish I'd never been born.",
    "I'd rather not be here.",
    "I've written letters to the kids for after.",
    "She came at me with a knife.",
    "He went for me with a hammer.",
    "He pulled a knife on my mum.",
    "I can't be trusted around the kitchen knives at the moment.",
    "I don't trust myself with the tablets.",
    "I swallowed a load of paracetamol.",
    "I took forty tablets on Sunday.",
    "I had all the pills lined up.",
    "He says he'll kill me.",
    "I'm scared he'll kill us.",
    "I've been cutting.",
    "I started cutting again in May.",
]
EVERYDAY = [
    "I bought new kitchen knives and a bread board.",
    "I slipped with the knife chopping onions and got my arm.",
    "I was shaving and I nicked my neck with the razor.",
    "It feels like a knife in my neck.",
    "I cut the grass on Saturday.",
    "I've been cutting the hedge all day.",
    "We are cutting down on sugar.",
    "I was killing time at the station.",
    "My back is killing me.",
    "My mum will kill me if I'm late.",
    "I tied the cord to the tree for the swing.",
    "I tied my shoelaces at the door.",
    "He put his hands round my neck and hugged me.",
    "The doctor put her hands on my neck to feel the glands.",
    "My hands go to my neck when I'm nervous.",
    "I held her down for the vaccination with the nurse.",
    "He wouldn't stop talking at dinner.",
    "She was upset when I said no to the party.",
    "I drove into town and parked by the river.",
    "I keep thinking about driving over the bridge, it scares me.",
    "I walked in front of the class.",
    "I ran for the bus and missed it.",
    "I jumped off the bus.",
    "I want to jump in the pool on holiday.",
    "I take two tablets every morning.",
    "I took the rest of the tablets back to the chemist.",
    "I don't trust him with the car.",
    "I can't be trusted around chocolate.",
    "I want to not be late again.",
    "I'd rather not be in this job.",
    "I came home with a bottle of wine glasses.",
    "The kids threw the ball at me.",
    "I wrote letters to the kids at camp.",
    "I could murder a curry.",
]
USED = [
    "uh i used on saturday",
    "I used again.",
    "And I used last night.",
    "I was on the gear again.",
    "I banged up twice.",
    "I had a slip, four cans and a few lines.",
    "I did three lines.",
    "I drank six cans.",
]
NOT_USED = [
    "I used the app on Saturday.",
    "I used to go on Saturdays.",
    "The breathing that I used on the bus helped.",
    "I used it on Saturday.",
    "I had a slip on the ice.",
    "I had four lines to learn for the play.",
    "I got three cans of paint for the hall.",
]


def beside(said: str) -> tuple[str, ...]:
    """Return a short session that says this in the middle of an answer to another question."""
    return ("C: How was Sunday?", f"P: It was all right in the morning. Then we had lunch. {said}")


@pytest.mark.parametrize("said", TOLD)
def test_risk_in_ordinary_words_is_drafted(said: str) -> None:
    """Not only as the first sentence of an answer, and without a question about it."""
    assert cues().tells_risk(said)
    last = max(len(said.split()) // 2, 2)
    end = " ".join(said.lower().rstrip(".").replace("my ", "their ").split()[-last:])
    written = " ".join(s.text.lower().replace("my ", "their ") for s in everything(drafted(*beside(said))))
    assert end in written


@pytest.mark.parametrize("said", TOLD)
def test_risk_in_ordinary_words_that_a_draft_lacks_is_offered(said: str) -> None:
    """Whoever drafted."""
    assert [o.kind for o in omissions(transcript(*beside(said)), ())] == ["risk"]


@pytest.mark.parametrize("said", EVERYDAY)
def test_everyday_words_are_no_risk(said: str) -> None:
    """A cook's knife and the grass that is cut would bury what matters."""
    assert not cues().tells_risk(said)
    assert "risk" not in {o.kind for o in omissions(transcript(*beside(said)), ())}


@pytest.mark.parametrize("said", USED)
def test_a_lapse_is_offered(said: str) -> None:
    """Told with when, and not with what."""
    assert [o.kind for o in omissions(transcript(*beside(said)), ())] == ["substances"]


@pytest.mark.parametrize("said", NOT_USED)
def test_what_is_used_otherwise_is_not_offered(said: str) -> None:
    """An app, a habit of former days, a part in a play."""
    assert omissions(transcript(*beside(said)), ()) == ()


def test_an_act_is_told_on_under_the_question_about_it() -> None:
    """ "When?" is still about cutting, and "I did it once in October" takes back what was said of August."""
    lines = ("C: Cutting?", "P: I stopped.", "C: When?", "P: Like August. I mean I did it once in October.")
    whole = 'Client, asked "When?": "Like August. I mean I did it once in October."'
    assert whole in [each.text for each in everything(drafted(*lines))]
    [found] = [o for o in omissions(transcript(*lines), ()) if "October" in o.text]
    assert (found.kind, "u4" in found.evidence) == ("risk", True)


def test_what_is_told_on_after_another_question_is_no_risk() -> None:
    """Only what comes straight after the question about risk is about it."""
    summary = drafted("C: Cutting?", "P: No.", "C: And the thought record?", "P: It was hard. I did it once on Monday.")
    assert not [o for o in summary.omissions if o.kind == "risk"]
