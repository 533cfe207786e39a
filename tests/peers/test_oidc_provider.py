"""A whole launch at an authorization server that somebody else wrote: npm oidc-provider, by HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from sqlalchemy import select, update

from smart_app import config
from smart_app.config import Settings
from smart_app.errors import ChartNeedsRelaunch
from smart_app.launch.client_keys import ClientKeys
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import EhrGrant
from tests.conftest import FrozenClock, environment
from tests.launch.conftest import Site, make_site
from tests.launch.pages import refused
from tests.peers.oidc_provider.process import OidcProvider

CALLBACK = "http://127.0.0.1:8080/launch/callback"
ALGORITHMS = {"RS384": "ES384", "ES384": "RS256"}
"""Of our assertions, and the id_token's that goes with it, so that both kinds of each are met."""


@pytest.fixture(scope="module", params=list(ALGORITHMS))
def at_peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Our launch room with keys of its own, registered at a server of its own."""
    folder = tmp_path_factory.mktemp("site")
    seal = Seal(config.load(environment(folder)).master_key)
    database = Database(f"sqlite:///{folder / 'chartside.sqlite'}")
    Base.metadata.create_all(database.engine)
    clock = FrozenClock(datetime.now(UTC))
    told: dict[str, Any] = {"client_id": "chartside", "redirect_uri": CALLBACK, "algorithm": request.param}
    jwks = ClientKeys(db=database, seal=seal, clock=clock).jwks()
    with OidcProvider(**told, id_token_algorithm=ALGORITHMS[request.param], jwks=jwks) as peer:
        yield make_site(peer, _settings(folder, peer, request.param), database, seal, clock)
    database.close()


def _settings(folder: Path, peer: OidcProvider, algorithm: str) -> Settings:
    entry = {
        "iss": peer.fhir_url,
        "client_id": "chartside",
        "expected_issuer": peer.base_url,
        "auth": "private_key_jwt",
        "signing_algorithm": algorithm,
    }
    return config.load(environment(folder, CHARTSIDE_EHRS=json.dumps([entry])))


def _walk(url: str) -> dict[str, str]:
    """Do what a browser does at the server: follow until it sends us back; return what it says."""
    browser = requests.Session()
    browser.trust_env = False
    for _ in range(10):
        if url.startswith(CALLBACK):
            return dict(parse_qsl(urlsplit(url).query))
        answer = browser.get(url, allow_redirects=False, timeout=10)
        assert answer.is_redirect, (answer.status_code, answer.text[:500])
        url = urljoin(url, answer.headers["Location"])
    raise AssertionError("It goes round in circles.")


def _open(site: Site, browser: Any) -> str:
    answer = browser.get(
        "/launch", query_string={"iss": site.ehr.fhir_url, "launch": "xyz"}, headers={"Sec-Fetch-Dest": "document"}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.location)


@pytest.mark.req("C01", "T05", "T06", "smart@13", "smart@64", "smart@65", "smart@201", "smart@307", "smart@320")
def test_a_launch_and_its_renewals_pass_a_strangers_server(at_peer: Site) -> None:
    """Code, PKCE, assertion, id_token, RFC 9207 iss, two rotated refresh tokens; the chart is read with each token."""
    browser = at_peer.browser()
    arguments = _walk(_open(at_peer, browser))
    assert arguments["iss"] == at_peer.ehr.base_url
    assert at_peer.back(browser, arguments).status_code == 303
    person = at_peer.who(browser)
    assert (person.patient_id, person.encounter_id, person.name) == ("carol", "visit-1", "Dr Alice Moreau")
    assert person.fhir_user == "Practitioner/dr-alice"
    seen = {at_peer.tokens.access(person.ehr_grant_id).token}
    for _ in range(2):
        stale = at_peer.tokens.access(person.ehr_grant_id).token
        seen.add(at_peer.tokens.renewed(person.ehr_grant_id, stale=stale).token)
        assert at_peer.charts.for_grant(person.ehr_grant_id).patient("carol").name == "Carol Diaz"
    assert len(seen) == 3


@pytest.mark.req("T05")
def test_a_reused_refresh_token_ends_the_login_there_and_here(at_peer: Site) -> None:
    """The server takes a second use for theft; we say that the clinician launches again, and ask no more."""
    browser = at_peer.browser()
    at_peer.back(browser, _walk(_open(at_peer, browser)))
    grant_id = at_peer.who(browser).ehr_grant_id
    with at_peer.db.read() as db:
        old = db.get_one(EhrGrant, grant_id).refresh_sealed
    at_peer.tokens.renewed(grant_id, stale=at_peer.tokens.access(grant_id).token)
    with at_peer.db.begin() as db:
        grant = update(EhrGrant).where(EhrGrant.id == grant_id)
        db.execute(grant.values(refresh_sealed=old, previous_refresh_sealed=None))
    with pytest.raises(ChartNeedsRelaunch):
        at_peer.tokens.renewed(grant_id, stale=at_peer.tokens.access(grant_id).token)
    with at_peer.db.read() as db:
        assert db.scalar(select(EhrGrant.needs_relaunch).where(EhrGrant.id == grant_id))


@pytest.mark.req("T06")
def test_a_code_is_worth_nothing_without_its_verifier(at_peer: Site) -> None:
    """Another launch's state brings another verifier: the server refuses the code."""
    browser = at_peer.browser()
    first, second = (_walk(_open(at_peer, browser)) for _ in range(2))
    refused(at_peer.back(browser, {**second, "code": first["code"]}), "code_refused")
