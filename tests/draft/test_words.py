"""Numbers and negation as they are spoken."""

import pytest

from smart_app.draft.words import has_negation, numbers, quantities, tidy


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fifty milligrams", {("50", "mg")}),
        ("50mg and 50 mg", {("50", "mg")}),
        ("one hundred and five", {("105", "")}),
        ("eighty five percent", {("85", "%")}),
        ("the twenty sixth at ten", {("26", ""), ("10", "")}),
        ("nine point two", {("46/5", "")}),
        ("9.2", {("46/5", "")}),
        ("one of them", set()),
        ("one thousand five hundred", {("1500", "")}),
        ("1,500 ml", {("1500", "ml")}),
        ("he called twice", {("2", "")}),
    ],
)
def test_it_reads_numbers_with_units(text: str, found: set[tuple[str, str]]) -> None:
    """Spoken and written numbers are the same number; a bare "one" is a pronoun."""
    assert quantities(text) == found


def test_spoken_and_written_numbers_agree() -> None:
    """A drafter may write 26 for twenty sixth."""
    assert numbers("on the 26th") == numbers("on the twenty sixth")


@pytest.mark.parametrize("text", ["I don't", "no", "never did", "I cannot", "nobody came", "I didn\u2019t"])
def test_it_sees_negation(text: str) -> None:
    """Every usual way to say no."""
    assert has_negation(text)


def test_tidying_drops_noise_and_no_word() -> None:
    """Fillers and stutter go; negation and numbers stay, however often they are said."""
    assert tidy("Um , I, I  was n't , uh, no no  five five") == "I wasn't, no no five five"
