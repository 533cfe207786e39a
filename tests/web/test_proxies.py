"""Whose address the rate limits count behind reverse proxies."""

from dataclasses import replace

import pytest
from flask import request

from smart_app import create_app
from smart_app.config import Settings
from smart_app.web.policy import Who, allow

FORWARDED = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}


@pytest.mark.req("T15")
@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.7"), (2, "198.51.100.9")])
def test_only_the_proxies_that_stand_there_are_believed(settings: Settings, proxies: int, seen: str) -> None:
    """Without a proxy nobody can name an address; with one, only what that one added counts."""
    app = create_app(replace(settings, proxies=proxies))

    @app.get("/address")
    @allow(Who.PUBLIC)
    def address() -> str:
        return str(request.remote_addr)

    assert app.test_client().get("/address", headers=FORWARDED).text == seen
