"""The consent text at the address that every Consent names."""

import hashlib

import pytest
from flask import Flask

from smart_app import config, create_app
from smart_app.consent import screen
from tests.conftest import environment


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The whole app, with its headers and limits."""
    return create_app(config.load(environment(tmp_path_factory.mktemp("site"))))


@pytest.mark.req("C02")
@pytest.mark.parametrize("version", range(1, screen.TEXT_VERSION + 1))
def test_every_version_is_served_to_anybody_with_its_languages_and_hashes(site: Flask, version: int) -> None:
    """The page and the bytes whose hash it names; a reader needs no account."""
    browser = site.test_client()
    page = browser.get(f"/policies/recording-consent/v{version}").text
    for language in screen.LANGUAGES:
        answer = browser.get(f"/policies/recording-consent/v{version}/{language}.txt")
        assert (answer.mimetype, answer.headers["Content-Language"]) == ("text/plain", language)
        sha256 = hashlib.sha256(answer.data).hexdigest()
        assert sha256 == screen.text_sha256(version, language)
        assert f'id="sha256-{sha256}" lang="{language}"' in page
    assert ("The newest version" in page) == (version != screen.TEXT_VERSION)


@pytest.mark.parametrize("path", ["v0", "v999", "v1/de.txt", "v999/en.txt", "v1/..%2f1.en.toml"])
def test_what_was_never_released_is_not_there(site: Flask, path: str) -> None:
    """No other file, no other version, no other language."""
    assert site.test_client().get(f"/policies/recording-consent/{path}").status_code == 404
