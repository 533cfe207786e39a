"""What is said and then said otherwise stands together; what speaks of another time, thing or person does not."""

import pytest

from tests.draft.said import drafted, everything


def texts(*lines: str) -> list[str]:
    """Return the statements of a draft of these lines that rest on them."""
    return [s.text for s in everything(drafted(*lines)) if not {"u1", "u2"} & set(s.evidence)]


@pytest.mark.parametrize(
    ("lines", "stands"),
    [
        (
            ("P: I stopped the sertraline in March.", "C: Okay.", "P: Well, I still take it some days."),
            'Client reports they stopped the sertraline in March. Then: "Well, I still take it some days."',
        ),
        (
            ("C: Are you on sertraline?", "P: I stopped it.", "C: You stopped it?", "P: I still take it some days."),
            'Client, asked "Are you on sertraline?": "I stopped it." '
            'Then, asked "You stopped it?": "I still take it some days."',
        ),
        (
            ("P: I have been taking the tablets every morning.", "P: I don't take them at weekends."),
            'Client reports they have been taking the tablets every morning. Then: "I don\'t take them at weekends."',
        ),
        (
            ("C: Do you drink alcohol?", "P: No.", "C: And at weekends?", "P: I have a few beers with my friends."),
            'Client, asked "Do you drink alcohol?": "No." Then: "I have a few beers with my friends."',
        ),
        (
            ("P: I don't get any headaches.", "C: And work?", "P: It is busy.", "P: Sometimes I get headaches there."),
            'Client reports they don\'t get any headaches. Later: "Sometimes I get headaches there."',
        ),
        (
            ("P: I take the sertraline every day.", "C: And work?", "P: Busy. I stopped the sertraline last week."),
            'Client reports they take the sertraline every day. Later: "I stopped the sertraline last week."',
        ),
    ],
)
@pytest.mark.req("B06")
def test_the_first_line_is_no_plain_fact(lines: tuple[str, ...], stands: str) -> None:
    """Whoever reads the first reads the second: in the next breath, after an echo, or much later."""
    assert stands in texts(*lines)


@pytest.mark.req("B06")
def test_a_denial_of_risk_stands_with_what_was_told_later() -> None:
    """A "no, never" that the session does not bear out is the line that must not be read alone."""
    denied = texts(
        "C: Have you had thoughts of hurting yourself?",
        "P: No, never.",
        "C: How is your sleep?",
        "P: It is bad. I did think about hurting myself on Sunday night.",
    )[0]
    assert denied.startswith('Client, asked "Have you had thoughts of hurting yourself?": "No, never." Later: ')
    assert denied.endswith('"I did think about hurting myself on Sunday night."')


@pytest.mark.parametrize(
    "lines",
    [
        ("P: I used to smoke ten a day.", "C: Good.", "P: I stopped smoking two years ago."),
        ("P: I don't drink at all.", "C: Why is that?", "P: My brother drinks a lot."),
        ("P: I don't have any pain in my chest.", "C: Good.", "P: I have a pain in my knee."),
        ("P: I stopped the sertraline in March.", "C: How is the cough?", "P: It is worse in the morning."),
        ("C: Any suicidal thoughts?", "P: No.", "C: And ever before?", "P: Years ago I thought about killing myself."),
        ("P: I had three drinks in the first week.", "C: And then?", "P: I had no alcohol in the second week."),
    ],
)
def test_another_time_thing_or_person_contradicts_nothing(lines: tuple[str, ...]) -> None:
    """Then and now, the client and the brother, the chest and the knee."""
    assert not any("Then" in text or "Later" in text for text in texts(*lines))


@pytest.mark.parametrize(
    ("lines", "said", "needs"),
    [
        (("P: I take 15 milligrams of sertraline every morning. Sorry, 50.",), "15", "50"),
        (("P: I take 15 milligrams of sertraline every morning.", "C: Fifteen?", "P: Oh no, fifty."), "15", "fifty"),
        (("P: I have my surgery on June tenth. Actually it is the twelfth.",), "tenth", "twelfth"),
        (("P: I took twenty pills last night. I was only joking.",), "twenty", "joking"),
        (
            ("C: I want you to stop the bupropion. Actually no, keep taking it until May.", "P: Okay."),
            "stop the bupropion",
            "keep taking",
        ),
        (
            ("C: Take ten milligrams of escitalopram in the morning. Sorry, five milligrams.", "P: Okay."),
            "ten milligrams",
            "five",
        ),
    ],
)
@pytest.mark.req("B06")
def test_what_is_set_right_in_the_same_breath_stands_with_it(lines: tuple[str, ...], said: str, needs: str) -> None:
    """A dose or a day that was put right at once, by either of them, is nowhere alone."""
    found = [text for text in texts(*lines) if said in text]
    assert found
    assert all(needs in text for text in found)


@pytest.mark.req("B06")
def test_a_no_to_another_question_sets_nothing_right() -> None:
    """Each figure belongs to what was asked: "No, two years sober" corrects no number of cigarettes."""
    made = texts(
        "C: Do you smoke?",
        "P: I smoke 20 cigarettes a day.",
        "C: And do you drink any alcohol these days?",
        "P: No, I stopped drinking 2 years ago.",
    )
    assert not [text for text in made if "20" in text and "2 years" in text]


@pytest.mark.parametrize("aside", ["Sorry, my telephone.", "No problem.", "Actually, the parcel is here."])
@pytest.mark.req("B06")
def test_an_aside_sets_no_plan_right(aside: str) -> None:
    """What a clinician says next of something else stays out of the plan."""
    made = texts(f"C: Take ten milligrams of escitalopram in the morning. {aside}", "P: Okay.")
    assert [text for text in made if "ten milligrams" in text]
    assert not [text for text in made if aside.rstrip(".") in text]
