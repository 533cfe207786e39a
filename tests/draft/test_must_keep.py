"""Risk, medication with its dose, homework and the next appointment, said plainly, are in every draft."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.json_shape import transcript_from_json
from smart_app.ports import Summary
from tests.draft.said import drafted, everything

CALL = json.loads((Path(__file__).parent / "data" / "therapy_call.json").read_text(encoding="utf-8"))
DRUGS = ("sertraline", "fluoxetine", "lithium", "quetiapine", "mirtazapine", "propranolol", "lamotrigine")
DOSES = ("25 mg", "fifty milligrams", "300 milligrams", "one hundred milligrams", "2 mg", "7.5 mg")
DAYS = ("Monday", "Tuesday the fourth", "the eleventh of May", "Friday at three", "the second at half past nine")
TASKS = ("thought record", "sleep diary", "mood log", "worry journal", "panic worksheet")
ACTS = ("killing myself", "hurting myself", "ending my life", "taking an overdose", "suicide")


def _said(speaker: str, *templates: str) -> st.SearchStrategy[tuple[str, str]]:
    filled = st.tuples(
        st.sampled_from(templates),
        st.sampled_from(DRUGS),
        st.sampled_from(DOSES),
        st.sampled_from(DAYS),
        st.sampled_from(TASKS),
        st.sampled_from(ACTS),
    )
    return filled.map(lambda f: (speaker, f[0].format(drug=f[1], dose=f[2], day=f[3], task=f[4], act=f[5])))


RISK = _said(
    "client",
    "Last night I thought about {act}.",
    "I keep thinking about {act} when the house is empty.",
    "Sometimes I am close to {act}, and nobody knows.",
    "My husband hits me when he has been drinking.",
    "There is a gun in our bedroom.",
)
MEDICATION = _said(
    "client",
    "I take {dose} of {drug} in the morning.",
    "They put me on {drug}, {dose} every evening.",
    "I stopped the {drug} in June, I was on {dose}.",
    "It was {dose} of {drug} and it made me dizzy.",
)
PRESCRIBED = _said(
    "clinician",
    "I will increase the {drug} to {dose} from tomorrow.",
    "Let us reduce the {drug} to {dose} and see how you sleep.",
    "Please take {dose} of {drug} once a day.",
)
HOMEWORK = _said(
    "clinician",
    "Could you keep a {task} until we meet again?",
    "For homework please fill in the {task} each evening.",
    "I would like you to practise the breathing twice a day.",
    "Please bring your {task} with you.",
    "Write down three things that went well each night.",
)
APPOINTMENT = _said(
    "clinician",
    "Our next session is on {day}.",
    "I will see you on {day}.",
    "Let us meet again on {day}.",
    "Your next appointment is on {day}.",
)


@pytest.mark.req("B07")
@settings(max_examples=50, deadline=None)
@given(
    st.one_of(RISK, MEDICATION, PRESCRIBED, HOMEWORK, APPOINTMENT),
    st.integers(min_value=1, max_value=len(CALL["turns"]) - 1),
    st.sampled_from(["soap", "dap", "birp", "girp", "narrative"]),
    st.sampled_from([40, 350, None]),
)
def test_what_must_be_kept_is_kept_wherever_it_is_said(
    said: tuple[str, str], at: int, style: str, words: int | None
) -> None:
    """In any format, at any place of a whole session, however short the draft is to be."""
    speaker, text = said
    turns = [*CALL["turns"][:at], {"speaker": speaker, "text": text}, *CALL["turns"][at:]]
    bare = [{"speaker": t["speaker"], "text": t["text"]} for t in turns]
    summary = BuiltinDrafter(words=words).draft(transcript_from_json({"turns": bare}), style=style)
    assert isinstance(summary, Summary)
    written = " ".join(s.text for part in summary.sections for s in part.statements).lower()
    wanted = {w for w in text.lower().rstrip(".?").replace(",", "").split() if len(w) > 5 or w.isdigit()}
    missing = {w for w in wanted if w not in written}
    assert not missing, (text, missing)


@pytest.mark.req("B07")
@pytest.mark.parametrize("words", [40, 350])
@pytest.mark.parametrize("at", [68, 69])
def test_homework_given_as_a_question_is_kept_with_its_answer(at: int, words: int) -> None:
    """The answer quotes the question, so that it does not stand twice: then the answer is what must be kept."""
    asked = {"speaker": "clinician", "text": "Could you keep a thought record until we meet again?"}
    turns = [*CALL["turns"][:at], asked, *CALL["turns"][at:]]
    bare = [{"speaker": t["speaker"], "text": t["text"]} for t in turns]
    summary = BuiltinDrafter(words=words).draft(transcript_from_json({"turns": bare}))
    assert isinstance(summary, Summary)
    assert "thought record until we meet again" in " ".join(
        s.text for part in summary.sections for s in part.statements
    )


@pytest.mark.req("B07")
def test_what_is_asked_on_after_a_question_about_risk_is_kept_with_its_answer() -> None:
    """ "Any plans?" and "Any means at home?" name no risk and are the questions that matter most."""
    summary = drafted(
        "C: Any thoughts of suicide?",
        "P: Sometimes, at night.",
        "C: Do you have any plans?",
        "P: No.",
        "C: Any means at home?",
        "P: Yes.",
    )
    made = [statement.text for statement in everything(summary)]
    assert [text for text in made if "means at home" in text and "Yes" in text]
    assert [text for text in made if "any plans" in text and "No" in text]
