"""The chart's names enter the transcript, and nothing else of the reading that was given them."""

import pytest

from smart_app.ports import Word
from smart_app.transcript.guards import Attempt
from smart_app.transcript.naming import is_doubtful, with_names

HINT = "Sertraline, generalised anxiety disorder, Dr Lindqvist"


def read(text: str, *, doubted: str = "") -> Attempt:
    """Return an attempt of one word a second; the doubted words have a low probability."""
    words = tuple(
        Word(text=f" {said}", start_s=float(at), end_s=at + 0.8, probability=0.3 if said in doubted.split() else 0.95)
        for at, said in enumerate(text.split())
    )
    return Attempt(words=words, avg_logprob=-0.2, no_speech_prob=0.0, compression_ratio=1.0)


def said(attempt: Attempt) -> str:
    """Return the text."""
    return "".join(word.text for word in attempt.words).strip()


@pytest.mark.req("B11")
def test_a_name_takes_the_place_of_what_was_heard_of_it() -> None:
    """In the time of those words, in order."""
    heard = read("I take search a line every morning.", doubted="search line")
    found = with_names(heard, read("I take Sertraline every morning."), HINT)
    assert said(found) == "I take Sertraline every morning."
    (name,) = (word for word in found.words if word.text == " Sertraline")
    assert (name.start_s, name.end_s) == (2.0, 4.8)
    assert [word.start_s for word in found.words] == sorted(word.start_s for word in found.words)


@pytest.mark.req("B11")
def test_several_words_of_a_name_share_the_time() -> None:
    """Longer ones have more of it."""
    found = with_names(
        read("with generalized and society order now", doubted="society"),
        read("with generalised anxiety disorder now"),
        HINT,
    )
    assert said(found) == "with generalised anxiety disorder now"
    times = [(word.start_s, word.end_s) for word in found.words]
    assert all(start < end for start, end in times)
    assert [start for start, _ in times[1:]] == pytest.approx([end for _, end in times[:-1]], abs=0.21)


@pytest.mark.req("B11", "B06")
@pytest.mark.parametrize(
    ("heard", "doubted", "hinted"),
    [
        ("Maybe something like I will be nervous", "Maybe", "No I will be nervous"),
        ("No I have had days like that", "No", "I have had days like that"),
        ("sixty percent", "sixty", "60 percent"),
        ("I am here", "am", "I am here Sertraline"),
        ("I take it in the morning", "", "I take Sertraline in the morning"),
        ("a b c d e f g h", "a b c d e f g h", "Sertraline"),
        ("he was there", "he", "the was there"),
        ("Irregular, I think", "Irregular,", "Sertraline, I think"),
        ("I went to hospital", "hospital", "I went to Lindqvist"),
    ],
)
def test_nothing_else_is_changed(heard: str, doubted: str, hinted: str) -> None:
    """No denial, number or sentence: neither lost nor made; no name without a doubtful word in its place."""
    before = read(heard, doubted=doubted)
    assert with_names(before, read(hinted), HINT) == before


@pytest.mark.req("B11", "B06")
@pytest.mark.parametrize(("sureness", "drug"), [(0.17, "hydrolyzine"), (0.5, "Hydroxyzine"), (0.9, "Hydroxyzine")])
def test_a_drug_that_sounds_alike_is_not_put_in_its_place(sureness: float, drug: str) -> None:
    """The reading with the hint must believe in the name about as much as the other one did in what it heard."""
    heard, hinted = (
        Attempt(
            words=(Word(text=f" {text}", start_s=0, end_s=1, probability=probability),),
            avg_logprob=-0.2,
            no_speech_prob=0,
            compression_ratio=1,
        )
        for text, probability in (("hydrolyzine", 0.56), ("Hydroxyzine", sureness))
    )
    assert said(with_names(heard, hinted, "Hydroxyzine 25 MG")) == drug


def test_only_doubtful_readings_are_looked_at_again() -> None:
    """A name that was heard clearly needs no second reading."""
    assert not is_doubtful(read("I take it every morning."))
    assert is_doubtful(read("I take a line.", doubted="line."))
