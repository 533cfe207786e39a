"""JSON that comes in."""

from collections.abc import Iterator

import pytest
from flask import Flask, request

from smart_app.web.bodies import TextJson
from tests.conftest import FrozenClock
from tests.fakes.site import Site, whole_site


@pytest.fixture
def app() -> Flask:
    """An app that says what it understood."""
    made = Flask(__name__)
    made.json = TextJson(made)
    made.post("/")(lambda: {"read": request.get_json(silent=True)})
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole product."""
    with whole_site(tmp_path_factory.mktemp("site"), FrozenClock()) as made:
        yield made


@pytest.mark.parametrize("body", ['{"a": "\\ud800"}', '{"\\uDFFF": 1}', '["\\ud83d"]', '{"a": '])
def test_text_that_cannot_be_kept_is_no_json(app: Flask, body: str) -> None:
    """A lone half of a pair, in upper or lower case, as a key too."""
    assert app.test_client().post("/", data=body, content_type="application/json").get_json() == {"read": None}


@pytest.mark.parametrize("body", ['{"a": "\\ud83d\\ude00"}', '{"a": "\U0001f600 \\\\ud800"}', '["\\u00e9"]', "{}"])
def test_every_other_text_is_read(app: Flask, body: str) -> None:
    """A whole pair, a character as itself, and a backslash that only looks like it."""
    said = app.test_client().post("/", data=body.encode(), content_type="application/json").get_json()
    assert said == {"read": app.json.loads(body)}
    assert said["read"] is not None


@pytest.mark.req("G12")
@pytest.mark.parametrize("field", ["session_id", "template_id", "time_zone"])
def test_a_note_is_not_made_of_it(site: Site, field: str) -> None:
    """The request is refused with words, and is no fault."""
    body = {"session_id": "x", "template_id": "soap-progress-note", field: "\ud800"}
    answer = site.browser.post("/notes", json=body)
    assert answer.status_code == 400, answer.text
