"""What reads foreign data meets odd data (G11); `make campaign-fuzz` lets atheris lead the input."""

import json

import pytest

from smart_app.errors import BadInput
from smart_app.launch.tokens import DEFAULT_LIFETIME_S, MOST_LIFETIME_S, lifetime_s
from smart_app.note import questionnaire_file
from tests.campaigns import fuzz
from tests.trust.figures import Say


@pytest.mark.req("G11", "T09")
@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_odd_data_is_read_or_refused(figure: Say, target: str) -> None:
    """Nothing but a refusal of ours comes out."""
    crashes, inputs = [], fuzz.odd_inputs(target, seed=3, cases=150)
    for body in [fuzz.TARGETS[target][1], *inputs]:
        try:
            fuzz.try_one(target, body)
        except Exception as error:
            crashes.append((body[:3000], repr(error)))
    figure("G11", f"new crashes of {target}", got=len(crashes), goal=0, is_met=not crashes, cases=len(inputs))
    assert crashes == []


@pytest.mark.req("G11", "T05")
@pytest.mark.parametrize(
    ("said", "lives_s"),
    [
        ("²", DEFAULT_LIFETIME_S),
        (float("nan"), DEFAULT_LIFETIME_S),
        (float("inf"), MOST_LIFETIME_S),
        ("9" * 5000, MOST_LIFETIME_S),
        (10**400, MOST_LIFETIME_S),
        (-5, 1),
        ("300", 300),
    ],
)
def test_a_token_lives_for_a_time_that_can_be_counted(said: object, lives_s: int) -> None:
    """Whatever an EHR says of it: each of the first five ended a login in an error."""
    assert lifetime_s({"expires_in": said}) == lives_s


@pytest.mark.req("G11")
@pytest.mark.parametrize("option", [{"valUeString": "a"}, {}, {"valueCoding": {}}, "a", None])
def test_a_template_whose_choice_lacks_its_value_is_refused(option: object) -> None:
    """An answer option without any value[x] ended the reading in an error."""
    item = {"linkId": "1", "text": "t", "type": "choice", "answerOption": [option]}
    file = json.dumps({"resourceType": "Questionnaire", "title": "t", "item": [item]}).encode()
    with pytest.raises(BadInput, match="broken_questionnaire"):
        questionnaire_file.read(file)
