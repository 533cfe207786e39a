"""Whatever is sent as `iss`, nobody but a registered EHR is ever asked (T01, G18)."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Response

from tests.launch.conftest import Site
from tests.launch.hostile import forms, watched
from tests.trust.figures import Say

METADATA = "http://169.254.169.254/latest/meta-data"


@pytest.mark.req("T01", "G18")
def test_no_form_of_iss_opens_a_socket(site: Site, figure: Say) -> None:
    """By both doors: refused before a name is looked up or a socket made; the registered base alone is called."""
    foreign: list[str] = []
    doors = [("/launch", {"launch": "x"}), ("/launch/standalone", {})]
    # Without any iss the standalone door means the one EHR that is registered.
    tries = [(*door, iss) for iss in forms(site.ehr.iss) for door in doors if iss or door[1]]
    for path, more, iss in tries:
        asked = {"iss": iss, **more}
        with watched() as seen:
            answer = site.browser().get(path, query_string=asked, headers={"Sec-Fetch-Dest": "document"})
        assert answer.status_code == 400, (path, iss)
        foreign += [f"{path} {iss}: {each}" for each in seen]
    figure("G18", "foreign calls for an iss", got=len(foreign), goal=0, is_met=not foreign, cases=len(tries))
    assert foreign == []
    assert len(forms(site.ehr.iss)) >= 60
    with watched() as seen:
        site.open(site.browser())
    assert any(str(urlsplit(site.ehr.base).port) in each for each in seen), "the watch sees a real call"


def _redirect() -> Response:
    return Response("", 307, {"Location": METADATA})


@pytest.mark.req("T01", "G18")
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda site: setattr(site.ehr.faults, "smart_answer", _redirect), id="redirect"),
        pytest.param(lambda site: site.ehr.faults.smart.update(token_endpoint=METADATA), id="token endpoint"),
        pytest.param(
            lambda site: site.ehr.faults.smart.update(authorization_endpoint="//evil.example/a"), id="authorise"
        ),
        pytest.param(lambda site: site.ehr.faults.openid.update(jwks_uri=METADATA), id="keys"),
        pytest.param(lambda site: site.ehr.faults.openid.update(issuer="https://evil.example"), id="issuer"),
    ],
)
def test_a_registered_ehr_cannot_send_us_elsewhere(site: Site, spoil: Callable[[Site], None], figure: Say) -> None:
    """Its redirects are not followed and the foreign addresses it names are not called."""
    spoil(site)
    with watched() as seen:
        answer = site.open(site.browser())
    port = str(urlsplit(site.ehr.base).port)
    foreign = [each for each in seen if port not in each]
    figure("G18", "foreign calls by an EHR's own documents", got=len(foreign), goal=0, is_met=not foreign, cases=1)
    assert foreign == []
    assert answer.status_code == 400
