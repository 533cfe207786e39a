"""What is left out of a line for the sake of reading never joins two sentences and never hides a correction."""

import pytest

from smart_app.draft.checks import by_rules
from smart_app.draft.verbatim import occurs
from smart_app.draft.words import tidy
from smart_app.ports import Utterance
from tests.draft.said import drafted, everything

pytestmark = pytest.mark.req("B06")


def texts(line: str) -> list[str]:
    """Return the statements of a draft that rest on this line of the client."""
    return [s.text for s in everything(drafted("C: How have you been?", f"P: {line}")) if "u4" in s.evidence]


@pytest.mark.parametrize(
    ("line", "fused"),
    [
        ("I don't know what I want. I want to die sometimes.", "what I want to die"),
        ("I don't know what I want, I want to die sometimes.", "what I want to die"),
        ("i don't know what i want i want to die sometimes", "what i want to die"),
        ("I don't know what I want, um. I want to die sometimes.", "what I want to die"),
        ("I did not take it. It was Sam who took the tablets.", "take it was Sam"),
        ("I did not take it, it was Sam who took the tablets.", "take it was Sam"),
        ("I never did that. That was my sister.", "did that was"),
        ("I'd never do it. It makes me want to throw up.", "do it makes"),
        ("I never had any. Any drink at all makes me ill.", "had any drink"),
        ("It was nothing I did! I did take the tablets later.", "nothing I did take"),
        ("Do you know who he is? He is the one who hit me.", "who he is the one"),
        ("I don't want to, to be honest.", "want to be honest"),
        ("Did I drink? I do, I do not hide it.", "Did I drink? I do not hide"),
    ],
)
def test_what_is_said_again_after_a_clause_is_not_taken_for_a_stutter(line: str, fused: str) -> None:
    """Without the words between, the first half would say the opposite; the fused words are no quotation either."""
    assert fused not in tidy(line)
    assert not any(fused in text for text in texts(line))
    said = Utterance(id="u1", speaker="client", start_s=0, end_s=5, text=line)
    assert by_rules(f'Client: "{fused}"', [said])[0] == "no source"


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("I, I was in my, in my room.", "I was in my room."),
        ("Have you, have you had the the letter?", "Have you had the letter?"),
        ("It was a, it was a lot.", "It was a lot."),
        ("And I was, I was so tired.", "And I was so tired."),
        ("Um. I was, um, going home, mm.", "I was, going home."),
        ("Not throat, but I um. can feel it.", "Not throat, but I can feel it."),
        ("I was, you know, fine.", "I was, you know, fine."),
        ("And, you know, I left.", "And I left."),
        ("I took two, I took two more.", "I took two, I took two more."),
        ("I wanted to, like, make him happy.", "I wanted to, like, make him happy."),
        ("He gave me a, like, ten of them.", "He gave me a, like, ten of them."),
        ("The lump is 5 mm.", "The lump is 5 mm."),
        ("It is five mm wide, mm, I think.", "It is five mm wide, I think."),
    ],
)
def test_sounds_stutters_and_asides_go_whole_or_not_at_all(line: str, clean: str) -> None:
    """What is left reads as a sentence, and is still found in the line as it was said."""
    assert tidy(line) == clean
    assert occurs(clean, line)


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("I take eight hundred, I mean, four hundred milligrams of lithium.", "eight hundred, I mean, four hundred"),
        ("I take eight hundred milligrams of lithium, I mean, I take four hundred.", "lithium, I mean, I take four"),
        ("I take eight hundred, sorry, four hundred milligrams of lithium.", "eight hundred, sorry, four hundred"),
        ("I take fifty, no, seventy-five milligrams of sertraline.", "fifty, no, seventy-five"),
        ("I take fifty, or rather, seventy-five milligrams of sertraline.", "fifty, or rather, seventy-five"),
        ("My appointment with the doctor is on the fifth, I mean, the ninth of June.", "fifth, I mean, the ninth"),
    ],
)
def test_a_correction_is_quoted_whole(line: str, whole: str) -> None:
    """Nobody may read the figure that was taken back, nor both as if both were true."""
    assert whole in tidy(line)
    found = texts(line)
    assert all(whole in text and not text.startswith("Client reports") for text in found), found
    if "milligrams" in line:
        assert found


@pytest.mark.parametrize(
    ("quote", "line", "is_there"),
    [
        ("I want to die", "Um, I, I want to, um, die.", True),
        ("I was in my room", "I was in my, in my room", True),
        ("no no", "no, um, no", True),
        ("I take ten", "I take, I take ten.", True),
        ("the lump is 5", "The lump is 5 mm.", True),
        ("it was 5 wide", "It was 5 mm wide.", False),
        ("five milligrams", "five five milligrams", True),
        ("take five milligrams", "I take five, five milligrams", False),
        ("I did it", "I didn't do it. I did. It was hard.", True),
        ("I didn't", "I was n't there, I did n't go.", True),
    ],
)
def test_a_quotation_is_compared_with_the_words_as_said(quote: str, line: str, is_there: bool) -> None:
    """Sounds and stutters may be left out of a quotation; a number, a unit or half a sentence may not."""
    assert occurs(quote, line) is is_there
