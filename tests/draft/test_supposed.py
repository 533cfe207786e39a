"""What is supposed, dreamt, a lie or denied twice proves no fact; what stands beside it still does."""

import pytest

from smart_app.draft.checks import checked_all
from smart_app.ports import Statement
from tests.draft.said import transcript

pytestmark = pytest.mark.req("B06")


def verdict(asked: str, said: str, states: str) -> str:
    """Return the verdict on a statement that rests on a question and its answer."""
    statement = Statement(id="s1", text=states, evidence=("u1", "u2"), verdict="supported")
    [found] = checked_all([statement], transcript(f"C: {asked}", f"P: {said}"))
    return found.verdict


@pytest.mark.parametrize(
    ("asked", "said", "states"),
    [
        ("Did you take it?", "If I took the overdose they'd find me too late.", "Client took an overdose."),
        ("Did you take it?", "I'd have taken the overdose unless she came home.", "Client took an overdose."),
        ("Any weapons?", "If he came back I would shoot him.", "Client plans to shoot him."),
        ("Any weapons?", "I'd shoot him with the rifle.", "Client shot him with a rifle."),
        ("How was the night?", "I dreamt I took an overdose.", "Client took an overdose."),
        ("How was the night?", "I dreamt I killed my brother with a knife.", "Client killed his brother with a knife."),
        ("How was the night?", "I had this dream. I was cutting my arms.", "Client was cutting her arms."),
        ("How was the night?", "I imagined hanging myself in the garage.", "Client attempted hanging in the garage."),
        ("What do you fear?", "I'm scared I'll stab the baby.", "Client stabbed the baby."),
        ("Are you suicidal?", "I can't say I'm not suicidal.", "Client is not suicidal."),
        ("Are you suicidal?", "I can't say I'm not suicidal.", "Client denies being suicidal."),
        ("Are you suicidal?", "I wouldn't say I'm not suicidal.", "Client is not suicidal."),
        ("And your sister?", "I told my sister I wasn't suicidal but I was lying.", "Client is not suicidal."),
        ("And your sister?", "I told her I wasn't suicidal. I was lying.", "Client denies suicidal thoughts."),
        ("Do you smoke?", "I told my mum I stopped smoking. That was a lie.", "Client stopped smoking."),
        ("How do you sleep?", "I'm not not sleeping, I just wake at four.", "Client is not sleeping."),
        ("Do you take it?", "I never said I didn't take the lithium.", "Client does not take lithium."),
        ("Are you on sertraline?", "She might put me on sertraline in the spring.", "Client is on sertraline."),
        ("Do you drink?", "I haven't stopped drinking vodka.", "Client stopped drinking vodka."),
        ("Do you cut?", "I wish I was cutting less.", "Client is cutting less."),
    ],
)
def test_it_proves_no_fact(asked: str, said: str, states: str) -> None:
    """Whether it is so cannot be told from the words."""
    assert verdict(asked, said, states) != "supported"


@pytest.mark.parametrize(
    ("asked", "said", "states"),
    [
        (
            "Did you take it?",
            "If I took the overdose they'd find me.",
            "Client said that if she took the overdose they would find her.",
        ),
        ("How was the night?", "I dreamt I took an overdose.", "Client dreamt of an overdose."),
        (
            "How was the night?",
            "I have nightmares about the crash every night.",
            "Client has nightmares about the crash.",
        ),
        (
            "How was the night?",
            "I dreamt of him. I woke at four and drank a beer.",
            "Client woke at four and drank a beer.",
        ),
        ("Are you suicidal?", "No, I'm not suicidal.", "Client is not suicidal."),
        ("Are you suicidal?", "No I don't feel suicidal.", "Client does not feel suicidal."),
        ("Did you take anything?", "I didn't take nothing, no tablets.", "Client did not take tablets."),
        ("How do you sleep?", "I don't know why I can't sleep.", "Client cannot sleep."),
        ("How do you sleep?", "I was lying in bed awake until four.", "Client was lying awake in bed until four."),
        ("How do you eat?", "I don't eat breakfast and I don't eat lunch.", "Client does not eat breakfast or lunch."),
        (
            "Medication?",
            "I take sertraline every day, but if I forget I feel dizzy.",
            "Client takes sertraline every day.",
        ),
        (
            "Medication?",
            "I'd taken two tablets of sertraline before work.",
            "Client had taken two tablets of sertraline.",
        ),
        ("What helps?", "I would like to stop drinking wine.", "Client wants to stop drinking wine."),
        ("Any thoughts of suicide?", "No. I'd never do that to the kids.", "Client denies thoughts of suicide."),
        ("Any worries?", "I'm worried about my exams in June.", "Client is worried about exams in June."),
        (
            "What happened?",
            "I took an overdose in March. If they hadn't found me I'd be dead.",
            "Client took an overdose in March.",
        ),
    ],
)
def test_what_is_said_beside_it_is_still_proved(asked: str, said: str, states: str) -> None:
    """A check that doubts every sentence with "if" or "not" in it is switched off by its readers."""
    assert verdict(asked, said, states) == "supported"
