"""Which language a page speaks."""

import json
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from smart_app import config, create_app
from tests.conftest import environment

SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The whole app; these tests store nothing."""
    app = create_app(config.load(environment(tmp_path_factory.mktemp("site"))))
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def _language_of(answer: TestResponse) -> str:
    found = re.search(r'<html lang="(\w+)"', answer.text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/join", "/copy", "/no-such-page"])
def test_the_browser_decides_until_the_client_does(app: Flask, path: str) -> None:
    """Accept-Language with any region; what we do not speak is English."""
    for accepted, language in (
        ("es-MX,es;q=0.9", "es"),
        ("en-GB,en;q=0.9,es;q=0.1", "en"),
        ("fr-FR,fr", "en"),
        ("fr;q=0.9,es;q=0.8", "es"),
    ):
        answer = app.test_client().get(path, headers={"Accept-Language": accepted, "Accept": "text/html"})
        assert _language_of(answer) == language
    assert _language_of(app.test_client().get(path, headers={"Accept": "text/html"})) == "en"


def test_the_clients_choice_beats_the_browser_and_is_remembered(app: Flask) -> None:
    """By POST only, in a cookie that scripts cannot read."""
    browser = app.test_client()
    answer = browser.post("/language", json={"language": "en"}, headers=SPANISH)
    assert answer.json == {"language": "en"}
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert _language_of(browser.get("/join", headers=SPANISH)) == "en"
    browser.post("/language", json={"language": "es"})
    assert _language_of(browser.get("/copy")) == "es"
    assert browser.get("/language").status_code in {404, 405}


@pytest.mark.parametrize("body", [{}, {"language": "xx"}, {"language": ["es"]}, {"language": "../es"}, [1]])
def test_an_unknown_language_is_refused(app: Flask, body: object) -> None:
    """Nothing is stored."""
    answer = app.test_client().post("/language", json=body)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (400, False)


def test_a_forged_cookie_is_as_if_it_were_not_there(app: Flask) -> None:
    """It chooses among ours or nothing."""
    browser = app.test_client()
    browser.set_cookie("chartside-language", "../../etc")
    assert _language_of(browser.get("/join", headers=SPANISH)) == "es"


def test_the_page_carries_the_words_of_its_scripts(app: Flask) -> None:
    """A data block, not a script: the content policy allows no inline script and is not loosened for it."""
    answer = app.test_client().get("/join", headers=SPANISH)
    found = re.search(r'<script type="application/json" id="words">(.*?)</script>', answer.text, re.S)
    assert found is not None
    words = json.loads(found[1])
    assert words["Recording has started."] == "La grabación ha empezado."
    assert "Entrar en su sesión" in answer.text
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert 'id="words"' not in app.test_client().get("/join").text


def test_refusals_are_in_the_clients_language_with_the_same_code(app: Flask) -> None:
    """As a page and as JSON."""
    browser = app.test_client()
    page = browser.get("/no-such-page", headers={**SPANISH, "Accept": "text/html"})
    assert "Aquí no hay nada." in page.text
    refused = browser.post("/copy", json={"token": "guess"}, headers=SPANISH)
    said = refused.get_json()
    assert (refused.status_code, said["code"]) == (410, "copy_link_over")
    assert said["public"] == "Este enlace ya no es válido."
    assert browser.post("/copy", json={"token": "guess"}).get_json()["public"] == "This link is no longer valid."


def test_a_link_can_ask_for_a_language_and_the_browser_keeps_it(app: Flask) -> None:
    """An invitation opens in the language that it was written in, before and instead of what the browser says."""
    browser = app.test_client()
    answer = browser.get("/join?lang=es", headers={"Accept-Language": "en"})
    assert (_language_of(answer), "chartside-language=es" in answer.headers["Set-Cookie"]) == ("es", True)
    assert _language_of(browser.get("/join")) == "es"
    assert _language_of(browser.get("/join?lang=en")) == "en"
    for made_up in ("xx", "../es", ""):
        assert "chartside-language" not in str(app.test_client().get(f"/join?lang={made_up}").headers)


def test_a_refusal_offers_the_languages_to_who_is_not_signed_in(app: Flask) -> None:
    """With the script that makes the buttons work; a choice counts on a clinician's address too."""
    browser = app.test_client()
    for path in ("/no-such-page", "/chart"):
        page = browser.get(path, headers={"Accept": "text/html"}).text
        assert 'data-language="es"' in page
        assert "pagelanguage.mjs" in page
    browser.post("/language", json={"language": "es"})
    answer = browser.get("/chart", headers={"Accept": "text/html"})
    assert _language_of(answer) == "es"
    assert "You are" not in answer.text.partition("<main")[2]
    assert 'data-language="en"' in answer.text


def test_clinicians_pages_stay_in_english(app: Flask) -> None:
    """They are prepared for translation and not translated: no page is half and half."""
    answer = app.test_client().get("/chart", headers={**SPANISH, "Accept": "text/html"})
    assert answer.status_code == 401
    assert _language_of(answer) == "en"
    assert "You are not signed in." in answer.text
