"""The limits on what an address and a browser may ask."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from smart_app import config, create_app
from smart_app.recording import routes
from smart_app.web import limits
from smart_app.web.counters import QuietMemory
from smart_app.web.policy import Who, allow
from tests.conftest import environment


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The whole app."""
    made = create_app(config.load(environment(tmp_path_factory.mktemp("site"))))
    made.config["WTF_CSRF_ENABLED"] = False
    return made


@pytest.mark.req("T15")
def test_every_limited_route_is_there_and_kept_its_policy(app: Flask) -> None:
    """A renamed route would lose its limit in silence."""
    for endpoint in (*limits.OF_ADDRESS, *limits.OF_BROWSER):
        assert isinstance(getattr(app.view_functions[endpoint], "policy", None), Who), endpoint


def _until_refused(app: Flask, method: str, path: str, *, most: int, **asked: Any) -> int:
    """Return how many requests were answered before one was refused for being too many."""
    browser = app.test_client()
    for number in range(most + 1):
        if browser.open(path, method=method, **asked).status_code == 429:
            return number
    return most + 1


@pytest.mark.req("T15", "T03")
@pytest.mark.parametrize(
    ("method", "path", "goal"),
    [
        ("GET", "/launch", 120),
        ("POST", "/join", 20),
        ("POST", "/copy", 20),
        ("POST", "/copy/withdraw", 30),
        ("POST", "/fhir/token", 60),
    ],
)
def test_what_can_be_guessed_at_or_costs_is_limited(app: Flask, method: str, path: str, goal: int) -> None:
    """Launch, join, copies, withdrawals by link, FHIR tokens: so many from one address, then 429."""
    assert _until_refused(app, method, path, most=goal, json={"token": "guess"} if method != "GET" else None) == goal


@pytest.mark.req("T15", "T09")
def test_chunks_under_made_up_grants_are_limited_by_address(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh grant in each request is a fresh count for the grant, and one more for the address."""
    assert int(routes.ADDRESS_LIMIT.partition(" ")[0]) > int(routes.UPLOAD_LIMIT.partition(" ")[0])
    monkeypatch.setattr(routes, "ADDRESS_LIMIT", "30 per minute")
    browser = create_app(settings).test_client()
    found = [
        browser.put("/chunks/track/0/0", data=b"x", headers={routes.GRANT_HEADER: f"made up {number}"}).status_code
        for number in range(31)
    ]
    assert found == [403] * 30 + [429]


@pytest.mark.req("T15")
@pytest.mark.parametrize("endpoint", ["note.dictate", "note.create", "export.as_fhir", "audit.export"])
def test_one_browser_does_not_use_up_anothers(endpoint: str) -> None:
    """Who is signed in is counted by their browser, not with everybody behind the clinic's router."""
    app = Flask(__name__)
    limiter = Limiter(get_remote_address, app=app, storage_uri=f"{QuietMemory.STORAGE_SCHEME[0]}://")

    def page(name: str) -> Callable[[], str]:
        def made() -> str:
            return "made"

        made.__qualname__ = name  # limits are kept by it
        return allow(Who.CLINICIAN)(made)

    for each in (*limits.OF_ADDRESS, *limits.OF_BROWSER):
        app.add_url_rule(f"/{each}", endpoint=each, view_func=page(each))
    limits.apply(app, limiter, lambda: request.cookies.get("browser", ""))
    one, other = app.test_client(), app.test_client()
    one.set_cookie("browser", "one")
    other.set_cookie("browser", "other")
    most = int(limits.OF_BROWSER[endpoint].partition(" ")[0])
    assert {one.get(f"/{endpoint}").status_code for _ in range(most)} == {200}
    assert (one.get(f"/{endpoint}").status_code, other.get(f"/{endpoint}").status_code) == (429, 200)


@pytest.mark.req("T15")
def test_several_machines_count_at_one_address(settings: config.Settings) -> None:
    """A Redis address; while it is away each process counts alone."""
    app = create_app(dataclasses.replace(settings, limits_url="redis://127.0.0.1:9"))
    app.config["WTF_CSRF_ENABLED"] = False
    assert _until_refused(app, "POST", "/join", most=20, json={"token": "guess"}) == 20
