"""An answer is drafted whole or not at all: half of it often says the opposite."""

import pytest

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.checks import by_rules
from smart_app.draft.omissions import omissions
from smart_app.ports import Summary
from tests.draft.said import TALK, drafted, everything, transcript

pytestmark = pytest.mark.req("B06")

REVERSED = [
    ("Any self harm?", "I haven't cut myself. Well, not since Friday."),
    ("You still have the blades?", "My mom took them. She didn't find the one in my phone case."),
    ("Are you drinking to sleep?", "I was. I'm not now."),
    ("Do you ever think it would be better to be dead?", "In the camp, yes. Here, no."),
    ("Any thoughts of suicide?", "My sister asked me that as well. No."),
    ("Any suicidal thoughts?", "Not since Friday. I had a plan on Thursday though."),
    ("Do you have thoughts of killing yourself?", "I think about it every day. I'd never do it."),
    ("How much are you drinking?", "It's not every night. It's most nights. A couple of gins, more at the weekend."),
    ("Do you take it every day?", "I take the lithium every day. Apart from weekends."),
    ("Do you hear voices?", "Not now. At night."),
    ("Have you taken the tablets?", "I took all of them. All except two."),
    ("Have you got asthma?", "As a kid. Not any more."),
    ("Have you been taking the lithium?", "Yes. Well, no. Not since Sunday."),
    ("Have you thought of hurting the neighbours?", "I banged on the door with a hammer. I wasn't gonna hit no one."),
    # Invented for this rule.
    (
        "Have you thought about suicide this week?",
        "On Monday I did. The pills are still in the drawer. Not since then.",
    ),
    ("Do you smoke?", "I gave up in May. Two a day since the funeral."),
    ("Has he hit you?", "He pushed the table. It was at me. He missed."),
    ("Are you taking the sertraline?", "I collect it every month. It is in the cupboard. I never open the box."),
    ("Are you using any drugs?", "Nothing. Apart from a bit of speed on Saturdays."),
    ("Do you have any weapons?", "I sold the rifle. My cousin has another one. It is at mine."),
    ("Do you have headaches?", "I used to have headaches every morning. Not any more."),
    ("Any side effects from the venlafaxine?", "None. Apart from the sweating."),
]


@pytest.mark.parametrize(("asked", "answer"), REVERSED)
def test_what_reverses_or_completes_an_answer_stands_with_it(asked: str, answer: str) -> None:
    """With its question and its lines, in one statement."""
    found = [
        s
        for s in everything(drafted(f"C: {asked}", f"P: {answer}"))
        if f'asked "{asked}"' in s.text or answer in s.text
    ]
    assert len(found) == 1
    assert answer in found[0].text
    assert found[0].evidence == ("u3", "u4")


@pytest.mark.parametrize(("asked", "answer"), REVERSED)
def test_the_evidence_names_every_line_of_the_answer(asked: str, answer: str) -> None:
    """Said with pauses, one sentence a line, with the clinician's "mm" between."""
    sentences = [f"{each.rstrip('.')}." for each in answer.split(". ")]
    lines = [f"C: {asked}", f"P: {sentences[0]}", "C: Mm-hmm.", *(f"P: {each}" for each in sentences[1:])]
    found = [s for s in everything(drafted(*lines)) if sentences[0] in s.text]
    assert len(found) == 1
    assert answer in found[0].text
    assert {"u3", "u4", *(f"u{n}" for n in range(6, 5 + len(sentences)))} <= set(found[0].evidence)


@pytest.mark.parametrize("words", [30, 150, 350])
@pytest.mark.parametrize(("asked", "answer"), REVERSED)
def test_a_short_draft_has_the_whole_answer_or_none_of_it(words: int, asked: str, answer: str) -> None:
    """Nor is a half offered beside it."""
    more = [
        f"P: I felt anxious about {what} and it kept me awake for {n} hours." for n, what in enumerate(MORE, start=2)
    ]
    summary = BuiltinDrafter(words=words).draft(transcript(*TALK, f"C: {asked}", f"P: {answer}", "C: Okay.", *more))
    assert isinstance(summary, Summary)
    first = answer.split(". ")[0]
    shown = [(s.text, s.evidence) for s in (*everything(summary), *summary.left_out, *summary.for_your_wording)]
    for text, evidence in (*shown, *((o.text, o.evidence) for o in summary.omissions)):
        assert first not in text or "u4" not in evidence or answer in text


MORE = ("my exams", "my sister", "the move", "the new boss", "the dentist", "my rent", "the court", "my knee")


def test_what_forty_words_do_not_hold_is_left_for_wording_and_offered_whole() -> None:
    """A quotation of the half would be believed."""
    answer = (
        "I think about it when I am on my own in the evening and nobody has called me for a couple of days. "
        "Then I go and look at the bottles in the bathroom and I count how many of them there are. "
        "But I poured them all away last night."
    )
    summary = drafted("C: Do you have thoughts of killing yourself?", f"P: {answer}")
    assert not [s for s in everything(summary) if "u4" in s.evidence]
    assert [s for s in summary.for_your_wording if answer in s.text and s.evidence == ("u3", "u4")]
    assert [o for o in summary.omissions if answer in o.text and o.kind == "risk"]


def test_a_no_that_goes_on_is_no_plain_no() -> None:
    """What follows it counts as an answer to a question about risk, too, in a draft that leaves it out."""
    said = transcript("C: Any thoughts of suicide?", "P: No. Well, on the bridge on Friday.")
    assert [(o.kind, o.evidence) for o in omissions(said, ())] == [("risk", ("u1", "u2"))]
    assert omissions(transcript("C: Any thoughts of suicide?", "P: No. Not at all."), ()) == ()
    unsafe = transcript("C: Are you safe at home at the moment?", "P: Not really, he has a key. He comes in at night.")
    assert [(o.kind, o.evidence) for o in omissions(unsafe, ())] == [("risk", ("u1", "u2"))]


@pytest.mark.parametrize(
    ("asked", "answer", "apart"),
    [
        ("How is your appetite?", "I eat three meals a day. My brother comes to visit me in June.", "My brother"),
        ("Do you have a headache?", "I have a headache every day. Yeah.", "Yeah"),
    ],
)
def test_what_neither_reverses_nor_completes_an_answer_takes_no_room(asked: str, answer: str, apart: str) -> None:
    """Beside risk, substances and medication an answer stays short."""
    texts = [s.text for s in everything(drafted(f"C: {asked}", f"P: {answer}"))]
    assert not [text for text in texts if apart in text and answer.split(".")[0] in text]


@pytest.mark.parametrize(
    ("lines", "statement"),
    [
        (
            (
                "C: Have there been any arguments that got physical?",
                "R: No.",
                "P: No. Well, she threw a plate once. Not at me.",
                "R: Two years ago.",
            ),
            'Partner, asked "Have there been any arguments that got physical?": "No." '
            'Client: "No. Well, she threw a plate once. Not at me." Partner: "Two years ago."',
        ),
        (
            ("C: Are you still driving?", "P: I gave it up in the summer.", "R: He drove to the shops yesterday."),
            'Client, asked "Are you still driving?": "I gave it up in the summer." '
            'Partner: "He drove to the shops yesterday."',
        ),
        (
            (
                "C: Are you still taking the Concerta every morning?",
                "P: Mm-hm.",
                "G: He's not taking it on weekends. Dr Kim told us he doesn't have to.",
            ),
            'Client, asked "Are you still taking the Concerta every morning?": "Mm-hm." '
            "Guardian: \"He's not taking it on weekends. Dr Kim told us he doesn't have to.\"",
        ),
        (
            ("C: Have you had any headaches?", "P: No.", "G: Every morning before school."),
            'Client, on "any headaches": "No." Guardian: "Every morning before school."',
        ),
        (
            ("C: Any thoughts of suicide?", "P: No.", "C: Mm-hmm.", "R: She told me yes on Sunday."),
            'Client, asked "Any thoughts of suicide?": "No." Partner: "She told me yes on Sunday."',
        ),
    ],
)
@pytest.mark.parametrize("words", [None, 150])
def test_what_several_answer_stands_together_with_who_said_what(
    lines: tuple[str, ...], statement: str, words: int | None
) -> None:
    """Until the clinician speaks, the next speaker answers the question too."""
    summary = BuiltinDrafter(words=words).draft(transcript(*TALK, *lines))
    assert isinstance(summary, Summary)
    found = [s for s in everything(summary) if s.text == statement]
    assert len(found) == 1
    spoken = [f"u{n}" for n, line in enumerate(lines, start=3) if line != "C: Mm-hmm."]
    assert list(found[0].evidence) == spoken


@pytest.mark.parametrize(
    "after",
    [
        ("C: I see, thank you. Let us turn to the flat.", "R: We went to the sea on Sunday."),
        ("R: Did you lock the car?", "P: I locked it."),
        ("R: Mm.",),
    ],
)
def test_what_is_said_to_something_else_is_no_second_answer(after: tuple[str, ...]) -> None:
    """The clinician has gone on, another has asked, or only listened."""
    texts = [s.text for s in everything(drafted("C: Have you had any headaches?", "P: No.", *after))]
    assert "Client denies any headaches." in texts


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Do you have guns at home?", "My dad has one, it's locked, I don't know the code."),
        ("do you have guns at home", "my dad has one its locked i dont know the code"),
        ("Do you drive after drinking?", "I don't. Except to fetch the kids."),
        ("Had he done that before?", "He pushed me before. Never the throat."),
        ("Do you keep a knife under the bed?", "I put my grandfather's into the garage with all the other tools."),
        ("Are you on any medication?", "I was on the small white ones for the whole of last winter and spring."),
        ("Have you ever been admitted to hospital?", "My brother and I both were. In the spring."),
    ],
)
def test_an_answer_that_means_nothing_without_its_question_has_it(asked: str, answer: str) -> None:
    """ "One", a bare auxiliary, no verb; and any answer about risk and its means."""
    texts = [s.text for s in everything(drafted(f"C: {asked}", f"P: {answer}"))]
    core = asked[:1].upper() + asked[1:]
    assert [
        t for t in texts if t == f'Client, asked "{core}": "{answer}"' or (t.startswith('Client, on "') and answer in t)
    ]


@pytest.mark.parametrize(
    "text",
    [
        'Client, asked "Any headaches?": "No." Guardian: "No."',
        'Client, asked "Any headaches?": "Every morning." Guardian: "Every morning."',
    ],
)
def test_words_of_another_under_a_name_are_found(text: str) -> None:
    """Each quotation is held against the lines of the speaker who is named for it."""
    lines = transcript("C: Any headaches?", "P: No.", "G: Every morning.").utterances
    assert by_rules('Client, asked "Any headaches?": "No." Guardian: "Every morning."', lines)[0] == "supported"
    assert by_rules(text, lines)[0] == "no source"
