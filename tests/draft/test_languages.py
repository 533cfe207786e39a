"""A session in a language without cues is not drafted, and the clinician reads why."""

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.languages import InItsLanguages
from smart_app.ports import LANGUAGE_NOT_DRAFTED, Summary, TooLittle, Transcript, Utterance

SAID = (
    Utterance(id="u1", speaker="clinician", start_s=0, end_s=2, text="How have you slept since we last met?"),
    Utterance(
        id="u2",
        speaker="client",
        start_s=3,
        end_s=9,
        text="I sleep about five hours a night. I had three panic attacks in the supermarket last week, and my brother "
        "drove me home. My doctor raised the sertraline to a hundred milligrams, and I stopped drinking coffee.",
    ),
)


def transcript(language: str) -> Transcript:
    """Return the lines as if they were recognised in a language."""
    return Transcript(utterances=SAID, speech_s=8, uncovered_s=0, model="base", language=language)


def test_english_is_drafted() -> None:
    """What the cues are written for goes through unchanged."""
    drafter = InItsLanguages(BuiltinDrafter())
    assert drafter.draft(transcript("en"), style="dap") == BuiltinDrafter().draft(transcript("en"), style="dap")
    assert isinstance(drafter.draft(transcript("en")), Summary)


def test_another_language_is_named_and_not_guessed_at() -> None:
    """No statement is made by English rules from words of another language."""
    found = InItsLanguages(BuiltinDrafter()).draft(transcript("es"))
    assert isinstance(found, TooLittle)
    assert found.code == LANGUAGE_NOT_DRAFTED
    assert "Spanish" in found.reason
    assert "write the summary yourself" in found.reason
