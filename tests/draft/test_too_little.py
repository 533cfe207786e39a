"""Never a note from nothing."""

import pytest

from smart_app.draft.too_little import too_little
from tests.draft.said import transcript


@pytest.mark.req("B08")
@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("P: ", "C: ..."),
        ("P: test test test, one two three, can you hear me?", "C: testing, hello"),
        ("P: Hello, good morning.", "C: Hi, how are you?", "P: Thanks, bye."),
        ("C: Today I would like to talk about the medication and the plan for the coming weeks and your sleep.",),
        ("P: [Music] (applause)",),
        ("P: My knee hurts.", "C: I see."),
        ("P: I agree to this session being recorded and transcribed by the software for the clinician's note today.",),
    ],
)
def test_there_is_no_summary_and_it_says_why(lines: tuple[str, ...]) -> None:
    """Silence, music, a sound check, a greeting, one speaker only: one sentence with the reason."""
    little = too_little(transcript(*lines))
    assert little is not None
    assert little.reason.endswith((".", "needed."))


def test_a_few_plain_words_about_suicide_are_never_too_little() -> None:
    """A short session can be the one that matters."""
    assert too_little(transcript("P: I want to kill myself.")) is None


def test_a_real_exchange_is_enough() -> None:
    """A dozen words of substance."""
    line = (
        "P: I slept badly, worried about work, argued with my sister, skipped lunch, felt dizzy and missed my tablets."
    )
    assert too_little(transcript(line)) is None


def test_a_session_without_punctuation_is_not_left_out_for_one_word_of_the_call() -> None:
    """Recognisers drop marks; "the link" in one answer says nothing of the others."""
    lines = (
        "P: i could open the link now",
        "P: i slept badly and i worried about work and argued with my sister",
    )
    more = ("P: i skipped lunch and felt dizzy and missed my tablets on monday and on tuesday",)
    assert too_little(transcript(*lines, *more)) is None
