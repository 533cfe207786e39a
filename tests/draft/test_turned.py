"""The words of the lines in another order say something else: who did it to whom, from what to what, and when."""

import pytest

from smart_app.draft.checks import checked_all
from smart_app.ports import Statement
from tests.draft.said import transcript

pytestmark = pytest.mark.req("B06")

WHO = [
    ("P: Tyler pushes me. He says he'll kill me.", "Client says he will kill Tyler.", False),
    ("P: Tyler pushes me. He says he'll kill me.", "Client says he will kill him.", False),
    ("P: Tyler pushes me. He says he'll kill me.", "Client says Tyler pushes him.", True),
    ("P: My brother hit me on Sunday with a belt.", "Client hit her brother on Sunday with a belt.", False),
    ("P: My brother hit me on Sunday with a belt.", "Client's brother hit her on Sunday with a belt.", True),
    ("P: My brother hit me on Sunday with a belt.", "Client was hit by her brother on Sunday with a belt.", True),
    ("P: I slapped my wife on Friday.", "Client's wife slapped him on Friday.", False),
    ("P: I slapped my wife on Friday.", "Client slapped his wife on Friday.", True),
    ("P: I wanted to kill myself with the tablets.", "Client wanted to kill himself with the tablets.", True),
    ("P: I wanted to kill myself with the tablets.", "Client wanted to kill his wife with the tablets.", False),
    ("P: I was choked by my partner in March.", "Client choked her partner in March.", False),
    ("P: My wife says I should move out.", "Client says his wife should move out.", False),
    ("P: My wife says I should move out.", "Client's wife says he should move out.", True),
    ("P: My mum has to stop smoking.", "Client has to stop smoking.", False),
]
WHAT = [
    ("P: I went from sertraline to paroxetine.", "Client switched from paroxetine to sertraline.", False),
    ("P: I went from sertraline to paroxetine.", "Client switched from sertraline to paroxetine.", True),
    ("P: The voices went away when I started olanzapine.", "Voices went away when client stopped olanzapine.", False),
    ("P: The voices went away when I started olanzapine.", "Voices went away when client started olanzapine.", True),
    ("P: I was moved from fifty to a hundred of it.", "Client was moved from 100 to 50.", False),
    ("P: I was moved from fifty to a hundred of it.", "Client was moved from 50 to 100.", True),
    (
        "P: Sertraline in the morning, quetiapine at night.",
        "Client takes quetiapine in the morning and sertraline at night.",
        False,
    ),
    (
        "P: Sertraline in the morning, quetiapine at night.",
        "Client takes sertraline in the morning and quetiapine at night.",
        True,
    ),
    (
        "P: Sertraline fifty and quetiapine a hundred.",
        "Client takes sertraline 100 mg and quetiapine 50 mg.",
        False,
    ),
    (
        "P: I take sertraline fifty and quetiapine a hundred.",
        "Client takes sertraline 50 mg and quetiapine 100 mg.",
        True,
    ),
    (
        "P: I take eight hundred, I mean, four hundred of lithium at night.",
        "Client takes 800 of lithium at night.",
        False,
    ),
    (
        "P: I take eight hundred, I mean, four hundred of lithium at night.",
        "Client takes 400 of lithium at night.",
        True,
    ),
    ("P: Four nights of drinking. No, I tell a lie, five nights.", "Client was drinking on four nights.", False),
]
WHEN = [
    (
        "P: I've cut right down, I'm on two glasses at the weekend. It was a bottle of wine a night at Christmas.",
        "Client drinks a bottle of wine a night.",
        False,
    ),
    ("P: Not now. In March I had the tablets counted out.", "Client currently has the tablets counted out.", False),
    ("P: Not now. In March I had the tablets counted out.", "In March client had the tablets counted out.", True),
    (
        "P: It was a bottle of wine a night at Christmas. Now it's two glasses a week.",
        "Client drinks a bottle of wine a night.",
        False,
    ),
    (
        "P: It was a bottle of wine a night at Christmas. Now it's two glasses a week.",
        "Client drank a bottle of wine a night at Christmas.",
        True,
    ),
    (
        "P: I used to smoke cannabis every day. These days I smoke it at weekends.",
        "Client smokes cannabis every day.",
        False,
    ),
    (
        "P: I take sertraline every morning now.",
        "Client previously used to take sertraline every morning.",
        False,
    ),
    ("P: I take sertraline every morning now.", "Client takes sertraline every morning.", True),
]


@pytest.mark.parametrize(("said", "states", "is_right"), [*WHO, *WHAT, *WHEN])
def test_the_same_words_turned_round_prove_nothing(said: str, states: str, is_right: bool) -> None:
    """Where who, what or when differ or cannot be told the statement is doubted; where they agree it is not."""
    statement = Statement(id="s1", text=states, evidence=("u1", "u2"), verdict="supported")
    [found] = checked_all([statement], transcript("C: Tell me about it.", said))
    assert (found.verdict == "supported") is is_right, found.why


@pytest.mark.parametrize("evidence", [("u1",), ("u1", "u2")])
@pytest.mark.parametrize(
    ("lines", "states", "is_right"),
    [
        (
            ("C: I'd like you to go up to 150 of quetiapine.", "P: No, I really don't want to."),
            "Quetiapine will be increased to 150.",
            False,
        ),
        (
            ("C: Let's try the diary every evening.", "P: I'd rather not, it never works."),
            "Plan: diary every evening.",
            False,
        ),
        (
            ("C: How about a blood test for lithium on Monday?", "P: Not really, I hate needles."),
            "Blood test for lithium on Monday.",
            False,
        ),
        (
            ("C: I'd like you to go up to 150 of quetiapine.", "P: No problem."),
            "Quetiapine will go up to 150.",
            True,
        ),
        (
            (
                "C: I'd like you to go up to 150 of quetiapine.",
                "P: No, I don't want to.",
                "C: Please?",
                "P: Okay, fine.",
            ),
            "Quetiapine will go up to 150.",
            True,
        ),
        (
            ("C: I'd like you to go up to 150 of quetiapine.", "P: No, I really don't want to."),
            "Clinician suggested to go up to 150 of quetiapine.",
            True,
        ),
    ],
)
def test_a_proposal_that_is_declined_is_no_plan(
    lines: tuple[str, ...], states: str, is_right: bool, evidence: tuple[str, ...]
) -> None:
    """Whether or not the statement points to the answer."""
    statement = Statement(id="s1", text=states, evidence=evidence, verdict="supported")
    [found] = checked_all([statement], transcript(*lines))
    assert (found.verdict != "no source") is is_right, found.why
