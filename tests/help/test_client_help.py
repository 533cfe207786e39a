"""The client's help: in their language, without a login, with the site's figures."""

from pathlib import Path

import pytest
from flask import Flask

from smart_app import config, create_app
from tests.conftest import environment

PAGE = "/join/help"
ANCHORS = ("microphone", "recording", "pause", "decline", "ask")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The app of a clinic that keeps the text for two days."""
    place: Path = tmp_path_factory.mktemp("site")
    return create_app(config.load({**environment(place), "CHARTSIDE_TRANSCRIPT_DAYS": "2"}))


@pytest.mark.req("S20", "B02")
def test_it_says_what_a_client_wants_to_know_with_this_sites_figures(app: Flask) -> None:
    """Microphone, recording, pausing and withdrawing, declining, whom to ask; nobody is named."""
    page = app.test_client().get(PAGE)
    assert page.status_code == 200
    assert [name for name in ANCHORS if f'id="{name}"' not in page.text] == []
    for words in (
        "The audio is erased within 24 hours, the text within 2 days.",
        "“Withdraw my consent” stops it and erases what was recorded of this session.",
        "Your care does not change",
        "Pause: someone else is here",
        "call your local emergency number",
    ):
        assert words in page.text


def test_it_is_in_the_readers_language_and_can_change_it(app: Flask) -> None:
    """All of it, the figure too."""
    page = app.test_client().get(PAGE, headers={"Accept-Language": "es"}).text
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "el texto, en un plazo máximo de 2 días" in main
    assert "Retirar mi consentimiento" in main
    assert "microphone" not in main.replace('id="microphone"', "")
    assert 'data-language="en"' in page


def test_it_is_one_click_away_from_every_page_of_the_client(app: Flask) -> None:
    """In a tab of its own, so that the call goes on; a refusal has no call, and its page stays small."""
    for path in ("/join", "/copy"):
        assert f'href="{PAGE}" target="_blank"' in app.test_client().get(path).text
