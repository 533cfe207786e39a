"""Another's words, dreams, fears, voices and times gone by are no facts of today, however many sentences they take."""

import pytest

from tests.draft.said import drafted, everything

pytestmark = pytest.mark.req("B06")


def texts(*lines: str) -> list[str]:
    """Return the statements of a draft of these lines that rest on them."""
    return [s.text for s in everything(drafted(*lines)) if not {"u1", "u2"} & set(s.evidence)]


@pytest.mark.parametrize(
    ("lines", "said", "needs"),
    [
        (
            (
                "P: My brother called me on Sunday. He said, I can't do this anymore. I took twenty pills last night. "
                "I want to die.",
            ),
            ("twenty pills", "want to die"),
            "He said",
        ),
        (
            ("P: When I was nineteen everything fell apart. I drank a bottle of vodka a day. I cut my arms.",),
            ("cut my arms", "cut their arms", "vodka"),
            "nineteen",
        ),
        (("P: I had a horrible dream last night. I was on the bridge. I jumped off.",), ("jumped off",), "dream"),
        (
            ("C: What are you afraid will happen?", "P: I will lose control. I'll hurt my baby."),
            ("hurt my baby", "hurt their baby"),
            "afraid",
        ),
        (("C: What do the voices say?", "P: I should die. I must cut myself."), ("cut myself",), "voices"),
        (
            (
                "C: How were things before you started the sertraline?",
                "P: Awful, really bad. I slept three hours. I thought about dying every day.",
            ),
            ("dying",),
            "before you started",
        ),
    ],
)
def test_what_stands_under_something_else_stands_with_it(
    lines: tuple[str, ...], said: tuple[str, ...], needs: str
) -> None:
    """From the second sentence on the words themselves no longer say whose, when or whether."""
    found = [text for text in texts(*lines) if any(words in text for words in said)]
    assert found
    assert all(needs in text for text in found)


@pytest.mark.parametrize(
    ("lines", "states"),
    [
        (
            ("P: When I was a child we lived in Leeds. I was happy there. I take ibuprofen twice a day.",),
            "Client reports they take ibuprofen twice a day.",
        ),
        (
            ("P: My doctor said I should rest. I take paracetamol for the pain.",),
            "Client reports they take paracetamol for the pain.",
        ),
        (
            ("P: It went badly at work. I have headaches every morning.",),
            "Client reports they have headaches every morning.",
        ),
        (
            ("C: What are you afraid will happen?", "P: I will lose control. I check the stove ten times a day now."),
            "Client reports they check the stove ten times a day now.",
        ),
        (
            ("C: How were things before you started it?", "P: Really bad. I slept three hours. I sleep eight now."),
            "Client reports they sleep eight now.",
        ),
    ],
)
def test_a_plain_statement_of_today_stands_by_itself(lines: tuple[str, ...], states: str) -> None:
    """A time gone by ends with the present, a fear with "now"; what is told indirectly reaches no further."""
    assert states in texts(*lines)


def test_another_may_speak_of_now_as_well() -> None:
    """ "Now" in words that are quoted is theirs, until the client tells what they did themselves."""
    made = texts("P: My brother said, I can't go on. Right now I want to die. I called him an ambulance at once.")
    assert [text for text in made if "Right now I want to die" in text and "My brother said" in text]
    assert not [text for text in made if "Right now I want to die" in text and "My brother said" not in text]
