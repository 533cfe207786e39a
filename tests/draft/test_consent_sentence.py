"""The consent sentence comes from the chart's live Consent alone: no drafter can put one into a note (B09, M01)."""

from collections.abc import Iterator

import pytest

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.openai_compatible import OpenAICompatibleDrafter
from smart_app.ports import Summary
from tests.draft.endpoint import Endpoint, draft_of, says
from tests.draft.said import TALK, transcript

pytestmark = pytest.mark.req("B09", "M01")
WRITTEN = (
    "Client consented to the recording of this session.",
    "Verbal consent was obtained for AI documentation.",
    "Patient agreed to audio capture of the visit.",
    "Permission for the scribe was given.",
    "Client is aware that the session is being transcribed.",
    "The visit was recorded with the client's approval.",
    "The client was informed about the recording and had no objection.",
    "Informed consent for telehealth and recording was reviewed.",
    "Client gave written consent.",
    "Client was comfortable with ambient AI being used.",
    "Session audio taped with permission.",
    "The encounter was transcribed by software; the client acknowledged this.",
    "Client authorised the use of artificial intelligence for this note.",
    "Both parties opted in to the recording.",
    "Client does not object to being recorded.",
)
SAID = (
    ("C: This session is being recorded, is that okay with you?", "P: Yes, I agree to be recorded."),
    ("P: I consent to the recording.",),
    ("C: Do I have your permission to record?", "P: You have my permission."),
    ("P: I am fine with you recording this session for the note.",),
    ("C: The software will transcribe what we say.", "P: That is fine, I signed the form."),
    ("C: Just confirming that you consent to the audio recording today.", "P: I do."),
)
_WORDS = ("record", "consent", "transcrib", "permission", "scribe", "audio")
FAITHFUL = ("Client is worried about exams.", ["u1"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One scripted endpoint for all of them."""
    made = Endpoint()
    yield made
    made.close()


def texts(summary: object) -> list[str]:
    """Return every text of a summary, offers and lines to word included."""
    assert isinstance(summary, Summary)
    under = [s.text for section in summary.sections for s in section.statements]
    beside = [s.text for s in (*summary.for_your_wording, *summary.unplaced)]
    return [*under, *beside, *(o.text for o in summary.omissions)]


@pytest.mark.parametrize("sentence", WRITTEN)
@pytest.mark.parametrize("evidence", [[], ["u3"], ["u1", "u2"]], ids=["none", "the line", "others"])
def test_an_endpoint_s_consent_sentence_is_dropped(endpoint: Endpoint, sentence: str, evidence: list[str]) -> None:
    """Whatever it rests on, and even where it was said."""
    endpoint.script = says(draft_of(FAITHFUL, (sentence, evidence)))
    drafter = OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0)
    found = texts(drafter.draft(transcript(*TALK, "P: I consent to the recording.")))
    assert found == [FAITHFUL[0]]


@pytest.mark.parametrize("lines", SAID)
def test_the_built_in_drafter_never_takes_up_talk_of_consent(lines: tuple[str, ...]) -> None:
    """Neither in the note nor beside it, in any format."""
    for style in ("soap", "dap", "birp", "girp", "narrative"):
        found = texts(BuiltinDrafter().draft(transcript(*TALK, *lines), style=style))
        assert not [t for t in found if any(word in t.lower() for word in _WORDS)]


@pytest.mark.parametrize(
    "sentence",
    ["Client records a sleep diary.", "Client agreed to keep a thought record.", "Client was hurt without consent."],
)
def test_other_records_and_consents_stay(endpoint: Endpoint, sentence: str) -> None:
    """A diary is no recording, and a lack of consent may be abuse."""
    endpoint.script = says(draft_of(FAITHFUL, (sentence, ["u1"])))
    drafter = OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0)
    assert sentence in texts(drafter.draft(transcript(*TALK)))
