"""First person into third: only the certain ones."""

import pytest

from smart_app.draft.person import reported


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("I am sleeping about five hours a night.", "Client reports they are sleeping about five hours a night."),
        ("I'm not sleeping at all.", "Client reports they're not sleeping at all."),
        ("I had three panic attacks.", "Client reports they had three panic attacks."),
        (
            "I have not had any alcohol since January.",
            "Client reports they have not had any alcohol since January.",
        ),
        ("I do not drink alcohol.", "Client reports they do not drink alcohol."),
        ("I was really tired and I left work.", "Client reports they were really tired and they left work."),
        ("My energy is low after lunch.", "Client reports their energy is low after lunch."),
        (
            "And I will take my tablets every morning.",
            "Client reports they will take their tablets every morning.",
        ),
        ("i never missed a dose", "Client reports they never missed a dose."),
        ("The noise worries me a lot.", None),
        ("I never was a smoker.", "Client reports they never were a smoker."),
    ],
)
def test_it_rewords_only_pronouns_and_their_verb(spoken: str, written: str | None) -> None:
    """Tense, negation, numbers and order stay; am and was agree with they."""
    assert reported(spoken) == written


@pytest.mark.parametrize(
    "spoken",
    [
        "My brother drinks a lot, and I do not want to end up like that.",
        "I hung up on him because he was drunk.",
        "I told my aunt about the attacks.",
        "My sister and I argued about money.",
        "I take the breathing exercise you taught me.",
        "I do.",
        "Yes I have been sleeping badly.",
        "Do I have to take the tablets?",
        "I felt sad and was crying all night.",
        "I said I am fine with the tablets.",
        "I take it every single day.",
        "We argue every evening about money.",
        "I was diagnosed with bipolar I last year.",
        "I would, I'd drink three glasses.",
        "So am I always tired.",
        "I hear voices at night, they tell me to jump.",
        "If I had tablets I would take all of the tablets.",
    ],
)
def test_it_refuses_where_they_could_mean_somebody_else_or_lose_the_sense(spoken: str) -> None:
    """What is not certain is quoted instead."""
    assert reported(spoken) is None
