"""Our launch at the poor server that answers as OpenEMR does: scopes, issuer, keys without names, reused refresh."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import update

from smart_app import config
from smart_app.errors import ChartNeedsRelaunch
from smart_app.launch.client_keys import ClientKeys
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import EhrGrant
from tests.conftest import FrozenClock, environment
from tests.launch.conftest import Site, make_site
from tests.peers.openemr_like.process import MODULE_SCOPE, STOCK_SCOPE, OpenEmrLike


def _site(ehr: OpenEmrLike, folder: Path, **registration: Any) -> tuple[Site, dict[str, Any]]:
    """Return our launch room registered there, and the registration."""
    client = ehr.register(**registration)
    entry = {
        "iss": ehr.fhir_url,
        "client_id": client["client_id"],
        "client_secret": client.get("client_secret", ""),
        "expected_issuer": ehr.oauth_url,
        "auth": registration.get("token_endpoint_auth_method", "client_secret_basic"),
    }
    if entry["auth"] == "private_key_jwt":
        entry["client_secret"] = ""
    settings = config.load(environment(folder, CHARTSIDE_EHRS=json.dumps([entry])))
    database, seal = Database(f"sqlite:///{folder / 'chartside.sqlite'}"), Seal(settings.master_key)
    Base.metadata.create_all(database.engine)
    return make_site(ehr, settings, database, seal, FrozenClock(datetime.now(UTC))), client


def _open(site: Site, client: dict[str, Any], browser: Any, *, encounter: str = "") -> dict[str, str]:
    """Launch from Maya's chart as Alice of the group Clinicians and approve; return what comes back."""
    patient = site.ehr.patient()["uuid"]
    launch = site.ehr.launch(client, "alice", patient, encounter)["launch"]
    answer = browser.get(
        "/launch", query_string={"iss": site.ehr.fhir_url, "launch": launch}, headers={"Sec-Fetch-Dest": "document"}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    asked = dict(parse_qsl(urlsplit(answer.location).query))
    back = site.ehr.authorize(client, **asked)
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


def _signed_in(site: Site, client: dict[str, Any], **more: str) -> tuple[Any, EhrGrant]:
    browser = site.browser()
    answer = site.back(browser, _open(site, client, browser, **more))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert answer.location == "/chart", "nothing to be said about limits"
    person = site.who(browser)
    with site.db.read() as db:
        return person, db.get_one(EhrGrant, person.ehr_grant_id)


@pytest.mark.req("C01", "C06")
def test_a_launch_at_a_stock_openemr(openemr: OpenEmrLike, tmp_path: Path) -> None:
    """The measured scope line is granted whole (api:* unanswered); who, whose chart, which visit, the login name."""
    site, client = _site(openemr, tmp_path)
    visit = openemr.encounter()["uuid"]
    person, grant = _signed_in(site, client, encounter=visit)
    assert (person.patient_id, person.encounter_id) == (openemr.patient()["uuid"], visit)
    assert grant.user_name == "alice"
    assert set(STOCK_SCOPE.split()) - set(grant.scope.split()) == {"api:fhir", "api:oemr"}
    assert "Maya" in site.charts.for_grant(grant.id).patient(person.patient_id).name


@pytest.mark.req("C01", "C06")
def test_a_launch_at_an_openemr_with_our_module(openemr_with_module: OpenEmrLike, tmp_path: Path) -> None:
    """The module's own scope in the list is enough to ask for its line."""
    site, client = _site(openemr_with_module, tmp_path)
    person, grant = _signed_in(site, client)
    assert person.encounter_id is None
    granted = set(grant.scope.split())
    assert {"user/chartside.crus", "patient/Consent.crus", "patient/Media.crus"} <= granted
    assert granted <= set(MODULE_SCOPE.split())


@pytest.mark.req("T05")
def test_its_401_for_a_used_refresh_token_ends_the_login(openemr: OpenEmrLike, tmp_path: Path) -> None:
    """401 invalid_request, not 400 invalid_grant; and renewing keeps patient and encounter."""
    site, client = _site(openemr, tmp_path)
    person, grant = _signed_in(site, client)
    old = grant.refresh_sealed
    renewed = site.tokens.renewed(grant.id, stale=site.tokens.access(grant.id).token)
    assert renewed.patient_id == person.patient_id
    with site.db.begin() as db:
        row = update(EhrGrant).where(EhrGrant.id == grant.id)
        db.execute(row.values(refresh_sealed=old, previous_refresh_sealed=None))
    with pytest.raises(ChartNeedsRelaunch):
        site.tokens.renewed(grant.id, stale=renewed.token)


@pytest.mark.req("smart@308", "smart@64")
def test_it_takes_our_key_in_the_place_of_a_secret(openemr: OpenEmrLike, tmp_path: Path) -> None:
    """private_key_jwt with RS384, the one algorithm that OpenEMR knows."""
    folder = tmp_path / "keys"
    folder.mkdir()
    settings = config.load(environment(folder))
    database = Database(f"sqlite:///{folder / 'chartside.sqlite'}")
    Base.metadata.create_all(database.engine)
    keys = ClientKeys(db=database, seal=Seal(settings.master_key), clock=FrozenClock(datetime.now(UTC)))
    method = {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys.jwks("RS384")}
    database.close()
    site, client = _site(openemr, folder, **method)
    _, grant = _signed_in(site, client)
    assert site.tokens.renewed(grant.id, stale=site.tokens.access(grant.id).token).token
