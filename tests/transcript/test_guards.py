"""What a recogniser invents is taken out, and what people say is left in."""

import pytest

from smart_app.ports import Word
from smart_app.transcript.guards import (
    Attempt,
    is_invented,
    is_noise,
    is_only_hints,
    is_too_fast,
    is_unsure,
    spoken,
    without_loops,
)
from smart_app.transcript.voice import Span


def words(text: str, probability: float = 0.9) -> tuple[Word, ...]:
    """Return words as the model gives them, each with the blank before it."""
    return tuple(
        Word(text=f" {each}", start_s=i * 0.3, end_s=i * 0.3 + 0.2, probability=probability)
        for i, each in enumerate(text.split())
    )


def said(kept: tuple[Word, ...]) -> str:
    return "".join(word.text for word in kept).strip()


def attempt(text: str, *, logprob: float = -0.3, no_speech: float = 0.1, probability: float = 0.9) -> Attempt:
    return Attempt(words=words(text, probability), avg_logprob=logprob, no_speech_prob=no_speech, compression_ratio=1.4)


@pytest.mark.req("B08")
@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("I said " + "I think " * 9 + "so", "I said I think so"),
        ("thank you for watching. " * 4, "thank you for watching."),
        ("you " * 12, "you"),
        ("the dose is fifty. " * 3 + "Yes.", "the dose is fifty. Yes."),
    ],
)
def test_a_loop_is_said_once(heard: str, kept: str) -> None:
    """A phrase that follows itself too often is a loop of the decoder."""
    assert said(without_loops(words(heard))) == kept


@pytest.mark.parametrize("heard", ["no, no, no, I did not", "it is very, very, very hard", "bye bye. Bye bye."])
def test_people_may_repeat_themselves(heard: str) -> None:
    """Repetition that people use stays."""
    assert said(without_loops(words(heard))) == heard


@pytest.mark.req("B04", "B08")
@pytest.mark.parametrize("answer", ["No.", "Yeah, okay.", "Not at all.", "I do not think so."])
def test_one_answer_to_many_questions_is_no_loop(answer: str) -> None:
    """Each was said between pauses of its own; the same rounds in one breath are a loop."""
    size = len(answer.split())
    rounds = words(" ".join([answer] * 6))
    own = [Span(start_s=i * size * 0.3, end_s=(i + 1) * size * 0.3 - 0.1) for i in range(6)]
    assert without_loops(rounds, own, compression_ratio=2.7) == rounds
    assert said(without_loops(rounds, [Span(start_s=0, end_s=20)])) == answer


@pytest.mark.req("B08")
def test_a_loop_beside_an_answer_is_cut_in_its_own_stretch() -> None:
    """The answer before the pause stays."""
    found = words("No. " + "no " * 8)
    apart = [Span(start_s=0, end_s=0.25), Span(start_s=0.28, end_s=9)]
    assert said(without_loops(found, apart)) == "No. no"


@pytest.mark.req("B08")
def test_a_window_that_the_model_calls_a_guess_is_dropped() -> None:
    """The model's own figures decide; clear speech passes."""
    assert not is_invented(attempt("I sleep five hours"))
    assert is_invented(attempt("Thank you.", no_speech=0.9, logprob=-0.9))
    assert is_invented(attempt("it was so so I did not much like it", logprob=-1.5))
    assert is_invented(attempt("Thank you.", logprob=-1.1))
    assert not is_invented(attempt("I did not sleep much in that week", logprob=-1.1))
    assert is_invented(attempt("murmur", probability=0.1))


@pytest.mark.req("B08")
def test_annotations_are_not_words() -> None:
    """[Music] and lone punctuation are taken out, words around them stay."""
    assert said(spoken(words("[Soft Music] Hello there - (laughs) again"))) == "Hello there again"
    assert spoken(words("\N{BEAMED EIGHTH NOTES} ...")) == ()


@pytest.mark.req("B08")
@pytest.mark.parametrize(
    ("probability", "likelihood", "is_dropped"), [(0.3, 0.3, True), (0.9, 0.3, False), (0.3, 0.9, False)]
)
def test_a_guess_where_hardly_anybody_speaks_is_noise(probability: float, likelihood: float, is_dropped: bool) -> None:
    """Neither the recogniser nor the detector of voices believes in it; one of them is enough to keep a word."""
    assert is_noise(words("there", probability)[0], likelihood) == is_dropped


def test_text_of_hints_alone_is_suspect() -> None:
    """An echo of the hints is told from a sentence that uses one."""
    assert is_only_hints(words("Sertraline, Maya."), ["sertraline", "Maya Lin"])
    assert not is_only_hints(words("I take sertraline"), ["sertraline"])
    assert not is_only_hints((), ["sertraline"])


@pytest.mark.parametrize(
    ("found", "is_odd"),
    [
        (attempt("I take it every morning, and then I sleep"), False),
        (attempt("I wanted to check with my doctor, and I wanted to check with her"), True),
        (attempt("I sleep five hours", logprob=-0.9), True),
    ],
    ids=["clear", "said twice", "unsure of itself"],
)
def test_an_odd_answer_is_worth_a_second_look(found: Attempt, is_odd: bool) -> None:
    """A loop that has just begun is too short to be cut, but long enough to ask again; so is a low score."""
    assert is_unsure(found) is is_odd


def test_words_that_nobody_could_speak_are_odd() -> None:
    """Invented words find no time in the sound: the alignment squeezes them."""
    said = words("this was said and these were not")
    squeezed = tuple(Word(text=word.text, start_s=2.0, end_s=2.02) for word in said)
    assert not is_too_fast(said)
    assert is_too_fast(squeezed)
    assert is_too_fast([*said, *squeezed])


@pytest.mark.req("B08")
def test_a_looped_sentence_is_said_once() -> None:
    """A decoder repeats whole sentences, not only short phrases."""
    sentence = "I just did not know who to talk to about it so I asked. "
    assert said(without_loops(words(sentence * 3))) == sentence.strip()
