"""What was said stays whole: no half of a sentence, no answer under another question, nothing dropped unseen."""

import pytest

from smart_app.draft.builtin import MOST_LEFT_OUT, BuiltinDrafter
from smart_app.ports import Summary, TooLittle
from tests.draft.said import TALK, drafted, everything, section, transcript

pytestmark = pytest.mark.req("B06")


def _texts(*lines: str) -> list[str]:
    return [s.text for s in everything(drafted(*lines))]


def test_a_sentence_that_halts_goes_on_with_what_was_meant() -> None:
    """A recogniser's full stop after "but I can." ends nothing: the symptom stands in the next words."""
    texts = _texts(
        "C: Is there any swelling of your throat?", "P: Not throat, but I can. Yeah. I can feel it in the lips."
    )
    assert any("Not throat" in text and "in the lips" in text for text in texts)
    assert not any(text.endswith('but I can."') for text in texts)


def test_both_halves_of_a_sentence_are_drafted() -> None:
    """ "I fall asleep around one ..." without the waking at six tells of another night."""
    texts = _texts(
        "C: How has that affected your sleep?",
        "P: I fall asleep around one in the morning, and then I wake up at six and I cannot get back to sleep.",
    )
    assert any("one in the morning" in text for text in texts)
    assert any("at six" in text for text in texts)


def test_an_answer_stands_under_the_last_thing_that_was_asked() -> None:
    """A statement about the client is a question, though a recogniser wrote it without its mark."""
    texts = _texts(
        "C: Is there any swelling of your lips?",
        "P: No.",
        "C: Okay. You are eating regularly otherwise.",
        "P: Yes.",
    )
    assert 'Client, asked "You are eating regularly otherwise.": "Yes."' in texts
    assert not any("swelling" in text and '"Yes."' in text for text in texts)


@pytest.mark.parametrize("praise", ["You are doing very well.", "You're welcome.", "You are right about that."])
def test_praise_is_no_question(praise: str) -> None:
    """What is said in kindness asks nothing, so the client's next words stand without it."""
    texts = _texts(f"C: {praise}", "P: Well, my sleep is still bad and I have nightmares every night.")
    assert not any(praise.rstrip(".") in text for text in texts)


def test_thanks_before_a_question_are_not_part_of_it() -> None:
    """Where the full stop after them is lost, the question still begins where it begins."""
    texts = _texts(
        "C: Thank you for telling me if those thoughts of suicide came back, what would you do?",
        "P: I would call my aunt.",
    )
    assert any('asked "If those thoughts of suicide came back' in text for text in texts)


@pytest.mark.parametrize("asked", ["And your address for me please?", "What is the first line of your address?"])
def test_an_address_is_in_no_note(asked: str) -> None:
    """Who somebody is stands in the chart, and a house number is no finding."""
    summary = drafted(f"C: {asked}", "P: Ah, 62 Lewin Road, Streatham.")
    beside = (*summary.for_your_wording, *summary.left_out)
    assert not any("Lewin" in s.text for s in (*everything(summary), *beside))


def test_a_plan_that_speaks_of_the_clients_words_has_them_with_it() -> None:
    """ "That is a good plan" under Plan would else speak of the line above it, here the medication review."""
    lines = (
        "C: I will let your doctor know about the missed doses of sertraline.",
        "P: Thank you.",
        "C: If thoughts of suicide came back, what would you do?",
        "P: I would call my aunt or the crisis line.",
        "C: That is a good plan. Let us keep it exactly as it is.",
    )
    plan = section(drafted(*lines), "plan")
    spoken_of, agreed = (
        "I would call my aunt or the crisis line.",
        "That is a good plan. Let us keep it exactly as it is.",
    )
    assert f'Clinician, on "{spoken_of}": "{agreed}"' in plan


def test_a_figure_that_was_asked_for_is_quoted_though_the_answer_is_long() -> None:
    """How many hours somebody sleeps is in the note, however they got to it."""
    answer = (
        "I just cannot even tell because I feel like I am even when I am in sleep it is such a shallow sleep, "
        "but maybe three or four hours I am getting now"
    )
    texts = _texts("C: How many hours of sleep do you think you get a night?", f"P: {answer}")
    assert any("three or four hours" in text for text in texts)


@pytest.mark.req("B07")
def test_what_had_no_room_is_offered() -> None:
    """Nothing worth a statement is dropped unseen: it stands beside the note with its line."""
    said = [
        f"P: I felt very anxious about {what} last week and it kept me awake for {n} hours."
        for n, what in enumerate(
            ("my exams", "my sister", "the move", "the new boss", "the dentist", "my rent"), start=2
        )
    ]
    summary = BuiltinDrafter(words=40).draft(transcript(*TALK, *said))
    assert isinstance(summary, Summary)
    held = " ".join(s.text for s in everything(summary))
    assert 0 < len(summary.left_out) <= MOST_LEFT_OUT
    for what in ("exams", "sister", "move", "boss", "dentist", "rent"):
        assert what in held or any(what in s.text for s in summary.left_out)
    assert all(s.verdict == "supported" and s.evidence and s.text not in held for s in summary.left_out)
    whole = BuiltinDrafter().draft(transcript(*TALK, *said))
    assert not isinstance(whole, TooLittle)
    assert whole.left_out == ()


def test_an_answer_to_the_work_itself_stands_with_its_question() -> None:
    """ "No, of course not." to "If a friend told you ..." is the new thought; and no question is offered alone."""
    summary = drafted(
        "C: If a friend told you that she hung up on her brother when he was drunk, would you call her a bad sister?",
        "P: No, of course not. I would tell her that she has a right to have some peace.",
    )
    texts = [s.text for s in everything(summary)]
    assert any("If a friend told you" in text and "No, of course not." in text for text in texts)
    assert any("a right to have some peace" in text for text in texts)
    assert not any("If a friend" in s.text for s in summary.unplaced)


def test_a_thought_record_is_read_in_one() -> None:
    """ "The feeling was fear" without its situation and thought is a feeling about something else."""
    texts = _texts(
        "C: Would you read me the thought record about the presentation?",
        "P: The situation was getting the email about the presentation.",
        "P: The thought was that I will freeze. The feeling was fear, 85 out of 100.",
    )
    whole = [text for text in texts if "The feeling was fear" in text]
    assert len(whole) == 1
    assert "The situation was" in whole[0]
    assert "I will freeze" in whole[0]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Is there any pain from the ear?", "I know my left ear."),
        ("How long has this been going on for?", "I'm about six weeks here."),
    ],
)
def test_a_short_answer_has_its_question(asked: str, answer: str) -> None:
    """Few words leave the rest to the question, and a misheard "no" shows there."""
    texts = _texts(f"C: {asked}", f"P: {answer}")
    assert any(answer in text and text.startswith("Client, ") for text in texts)
    assert not any("they know" in text or ("six weeks" in text and text.startswith("Client reports")) for text in texts)


def test_yeah_makes_no_choice() -> None:
    """Of two things asked for, the one that is named after "yeah" is the answer."""
    texts = _texts(
        "C: Do you feel wheezy in your chest or just tightness?",
        "P: Oh, yeah. A bit of tightness. Yeah, a bit of tightness.",
    )
    assert any("or just tightness" in text and "bit of tightness" in text for text in texts)


def test_before_then_is_no_homework() -> None:
    """A question about a habit sets nothing to do."""
    summary = drafted(
        "C: Do you wake up with your alarm in the morning or does something else wake you up before then?"
    )
    assert [o.kind for o in summary.omissions] == []


def test_a_clinicians_refusal_stands_with_the_offer_that_it_turns_down() -> None:
    """However long it goes on without a full stop: the offer alone would read as what was agreed."""
    summary = drafted(
        "C: Is there somebody at home with you?",
        "P: Yes, my wife can take me to the emergency room.",
        "C: I know I wouldn't want your wife to take you I would like I'd like her to call the ambulance because that "
        "might take longer and you know we need to deal with it quickly So what we are worried about is a "
        "stronger reaction",
    )
    first, *_ = section(summary, "plan")
    assert first.startswith('Clinician, on "Yes, my wife can take me to the emergency room.": "I know I wouldn\'t want')
    assert first.endswith('we need to deal with it quickly"')
    assert not summary.for_your_wording
    assert not [o for o in summary.omissions if "wife" in o.text]


@pytest.mark.parametrize(
    ("offer", "refusal"),
    [
        ("I could just stop the tablets by myself.", "No, I wouldn't do that."),
        ("Could I drive there on my own?", "Please don't drive on your own."),
    ],
)
def test_a_refusal_without_any_other_cue_is_planned(offer: str, refusal: str) -> None:
    """It decides something."""
    assert section(drafted(f"P: {offer}", f"C: {refusal}"), "plan") == [f'Clinician, on "{offer}": "{refusal}"']


def test_a_capital_begins_a_sentence_where_the_full_stop_was_not_heard() -> None:
    """A question that ends a long stretch is asked alone; names and single words are no beginnings."""
    summary = drafted(
        "C: your breathing problem can get worse very quickly and I would like you to sit down and rest in the "
        "meantime because we do not want you to walk around or to be on your own while all of this is going on "
        "Is there somebody with you?",
        "P: Yes, my sister is here with me now.",
    )
    answered = 'Client, asked "Is there somebody with you?": "Yes, my sister is here with me now."'
    assert answered in section(summary, "subjective")


@pytest.mark.parametrize("listens", ["Okay, yeah, it is.", "Right, yes."])
def test_what_follows_a_yes_to_how_is_the_answer(listens: str) -> None:
    """ "How severe is it?" is not answered by yes, and what leans on the answer is drafted with it."""
    summary = drafted(
        "C: How severe is the dizziness?",
        f"P: {listens} Nothing major really, just a bit at times. It's not the kind of dizziness with nausea.",
    )
    assert section(summary, "subjective")[-1] == (
        'Client, asked "How severe is the dizziness?": "Nothing major really, just a bit at times. '
        "It's not the kind of dizziness with nausea.\""
    )


def test_what_is_clarified_is_asked() -> None:
    """Whatever mark the recogniser wrote: "just the left ear" answers which."""
    summary = drafted(
        "P: I cannot hear well.",
        "C: Just to clarify, the trouble you have in hearing is in both ears or the left one.",
        "P: Just the left ear, yeah.",
    )
    assert 'ears or the left one.": "Just the left ear, yeah."' in section(summary, "subjective")[-1]


def test_a_symptom_is_stated_though_its_sentence_is_long() -> None:
    """What no safe cut makes shorter is quoted whole up to forty words; without a symptom it is left for wording."""
    said = (
        "mostly just on the one side and there's actually been quite a few times when I felt kind of a bit sick or "
        "a bit dizzy as well"
    )
    assert section(drafted(f"P: {said}."), "subjective")[-1] == f'Client: "{said}."'


def test_a_question_about_habits_plans_nothing() -> None:
    """ "I'll do it" to "Do you use cotton buds to try and clean them?" tells what is done."""
    summary = drafted("C: Do you use cotton buds to try and clean your ears?", "P: Sometimes I'll do it, yes.")
    assert section(summary, "plan") == []
    assert "Sometimes I'll do it" in section(summary, "subjective")[-1]


def test_the_end_of_a_question_that_was_spoken_into_states_nothing() -> None:
    """ "I've got in my ear" belongs to what stands before it."""
    summary = drafted(
        "P: Can that be the cause of the ringing?", "C: Yes, that can be the cause.", "P: I've got in my ear."
    )
    assert not [s for s in everything(summary) if "in their ear" in s.text or "in my ear" in s.text]


@pytest.mark.parametrize(
    ("proposed", "answer", "said", "needs"),
    [
        (
            "I would like to increase your sertraline to one hundred milligrams.",
            "No, I don't want that.",
            "increase",
            "don't want",
        ),
        (
            "I would like to increase your sertraline to one hundred milligrams. How does that sound?",
            "I'd rather not.",
            "increase",
            "rather not",
        ),
        ("See you next Tuesday at three then.", "I can't do Tuesday.", "Tuesday at three", "can't do"),
    ],
)
def test_a_proposal_stands_with_the_words_that_turn_it_down(proposed: str, answer: str, said: str, needs: str) -> None:
    """Alone under Plan it would read as agreed."""
    found = [text for text in _texts(f"C: {proposed}", f"P: {answer}") if said in text]
    assert found
    assert all(needs in text for text in found)
    assert all(text.startswith("Client, ") for text in found)


@pytest.mark.parametrize(
    "answer", ["No problem.", "I won't forget.", "No, that's fine.", "I don't have any questions."]
)
def test_who_agrees_turns_nothing_down(answer: str) -> None:
    """The plan stays the clinician's own words."""
    plan = section(drafted("C: Take ten milligrams of escitalopram in the morning.", f"P: {answer}"), "plan")
    assert plan[0] == 'Clinician: "Take ten milligrams of escitalopram in the morning."'


@pytest.mark.parametrize(
    ("said", "never"),
    [
        ("I gave away my dog and my guitar last week.", "reports their guitar"),
        ("I take sertraline in the morning and my lithium at night.", "reports their lithium"),
        ("I hit the wall in the kitchen and my brother on Saturday.", '"... and my brother'),
    ],
)
def test_a_list_is_not_cut(said: str, never: str) -> None:
    """What stands after "and my" without a verb belongs to the verb before it."""
    assert not [text for text in _texts(f"P: {said}") if never in text]


def test_the_end_of_a_list_is_not_lost() -> None:
    """The second loss stands with the first."""
    assert [text for text in _texts("P: I lost my job in March and my house in May.") if "house" in text]
