"""Asking the EHR about a token that somebody else was given (RFC 7662)."""

from typing import Any

import pytest

from smart_app.errors import LaunchRefused
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery
from smart_app.launch.introspection import Introspection
from tests.launch.conftest import Site

KEYED: dict[str, Any] = {"auth": "private_key_jwt", "client_secret": "", "signing_algorithm": "ES384"}


def _asks(site: Site) -> Introspection:
    keys = ClientKeys(db=site.db, seal=site.seal, clock=site.clock)
    return Introspection(http=site.http, keys=keys, discovery=Discovery(http=site.http, clock=site.clock))


@pytest.mark.req("smart@270", "C11")
@pytest.mark.parametrize("entry", [{}, {"auth": "client_secret_post"}, KEYED], ids=["basic", "post", "key"])
def test_a_token_is_asked_about_as_rfc_7662_says(site: Site) -> None:
    """A form with the token and its kind, our own proof as client beside it; the EHR's words come back."""
    site.ehr.faults.smart = {"introspection_endpoint": f"{site.ehr.base}/introspect"}
    token = site.tokens.access(site.sign_in(site.browser()).ehr_grant_id).token
    found = _asks(site)(site.settings.ehrs[0], token)
    assert (found["active"], found["patient"]) == (True, "carol")
    form = site.ehr.forms[-1]
    assert (form["token"], form["token_type_hint"]) == (token, "access_token")
    assert site.ehr.headers[-1]["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert _asks(site)(site.settings.ehrs[0], "stranger") == {"active": False}


@pytest.mark.req("T01", "C11")
def test_no_token_goes_to_a_foreign_server(site: Site) -> None:
    """The EHR's document cannot send it elsewhere; without an address there is nobody to ask."""
    for smart in ({"introspection_endpoint": "https://evil.example/introspect"}, {}):
        site.ehr.faults.smart = smart
        with pytest.raises(LaunchRefused):
            _asks(site)(site.settings.ehrs[0], "token")
    assert site.ehr.forms == []


@pytest.mark.req("C11")
def test_an_answer_that_says_nothing_is_nothing(site: Site) -> None:
    """An error page vouches for no token."""
    site.ehr.faults.smart = {"introspection_endpoint": f"{site.ehr.base}/nowhere"}
    assert _asks(site)(site.settings.ehrs[0], "token") == {}
