"""Filing when the clinician's login is over: by a backend service, where the entry says so and the EHR offers it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from smart_app import config, kit
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.launch.discovery import Discovery
from smart_app.launch.services import FilingTokens
from smart_app.launch.tokens import TokenKeeper
from smart_app.store.tables import AuditLine, EhrGrant
from tests.chart.bodies import note
from tests.conftest import environment
from tests.fakes.real_charts import real_charts
from tests.launch.conftest import Site

SERVICE: dict[str, Any] = {"auth": "private_key_jwt", "client_secret": "", "backend_services": True}
KEYS_ONLY: dict[str, Any] = {**SERVICE, "backend_services": False}
OFFERED = {"scopes_supported": [["user/*.cruds", "system/*.cruds"]]}


def _tokens(site: Site) -> FilingTokens:
    return FilingTokens(
        clinicians=site.tokens,
        db=site.db,
        settings=site.settings,
        clock=site.clock,
        seal=site.seal,
        http=site.http,
        discovery=Discovery(http=site.http, clock=site.clock),
    )


def _lost(site: Site) -> str:
    """Sign in, lose the login; return the grant."""
    site.ehr.faults.smart = OFFERED
    grant_id = site.sign_in(site.browser()).ehr_grant_id
    with site.db.begin() as db:
        db.execute(update(EhrGrant).values(needs_relaunch=True))
    return grant_id


def _uses(site: Site) -> list[AuditLine]:
    with site.db.read() as db:
        return list(db.scalars(select(AuditLine).where(AuditLine.action == "backend_service.used")))


@pytest.mark.req("C02", "T12", "smart@226", "smart@227", "smart@233", "smart@234", "smart@235", "smart@236")
@pytest.mark.req("smart@237", "smart@238", "smart@264", "smart@143")
@pytest.mark.parametrize("entry", [SERVICE])
def test_what_is_owed_is_filed_by_the_service_and_the_trail_says_so(site: Site) -> None:
    """client_credentials with a fresh assertion and system scopes; the token as Bearer; one audit line per token."""
    grant_id = _lost(site)
    chart = real_charts(_tokens(site), site.clock, http=site.http).for_grant(grant_id)
    filed = chart.create(note())
    chart.read("DocumentReference", filed.id)
    form = site.ehr.forms[-1]
    assert set(form) == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    assert form["grant_type"] == "client_credentials"
    assert all(word.startswith("system/") for word in form["scope"].split())
    found = site.ehr.calls.index(("GET", "/fhir/.well-known/smart-configuration"))
    assert site.ehr.headers[found]["Accept"] == "application/json"
    posted = site.ehr.calls.index(("POST", "/token"))
    assert site.ehr.headers[posted]["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert site.ehr.headers[-1]["Authorization"].startswith("Bearer ")
    (line,) = _uses(site)
    assert (line.actor, line.subject, line.detail["patient"]) == ("server", grant_id, "carol")


@pytest.mark.req("T16")
@pytest.mark.parametrize("entry", [SERVICE])
def test_the_service_is_held_to_the_patient_of_the_grant(site: Site) -> None:
    """System scopes reach every chart; what lands in another one is not called filed."""
    grant_id = _lost(site)
    site.ehr.faults.files_under = "pat"
    chart = real_charts(_tokens(site), site.clock, http=site.http).for_grant(grant_id)
    with pytest.raises(ChartRefused):
        chart.create(note())


@pytest.mark.parametrize("entry", [SERVICE])
def test_the_clinicians_own_login_comes_first(site: Site) -> None:
    """While it lives the service is not asked for anything."""
    site.ehr.faults.smart = OFFERED
    grant_id = site.sign_in(site.browser()).ehr_grant_id
    mine = _tokens(site).access(grant_id)
    assert mine.token == site.tokens.access(grant_id).token
    assert _tokens(site).renewed(grant_id, stale=mine.token).token != mine.token
    assert _uses(site) == []
    assert not [form for form in site.ehr.forms if form["grant_type"] == "client_credentials"]


@pytest.mark.parametrize("entry", [SERVICE])
def test_a_service_token_is_kept_until_it_grows_old_or_is_refused(site: Site) -> None:
    """80 % of its life; a refused one is replaced at once."""
    grant_id, tokens = _lost(site), _tokens(site)
    first = tokens.access(grant_id)
    assert tokens.access(grant_id) == first
    second = tokens.renewed(grant_id, stale=first.token)
    assert second.token != first.token
    site.clock.tick(hours=0.81)
    site.ehr.faults.claims["now"] = 0
    assert tokens.access(grant_id).token != second.token
    assert len(_uses(site)) == 3


@pytest.mark.parametrize("entry", [KEYS_ONLY])
def test_without_the_admins_word_the_login_stays_over(site: Site) -> None:
    """Nobody is asked."""
    grant_id = _lost(site)
    asked = len(site.ehr.forms)
    with pytest.raises(ChartNeedsRelaunch):
        _tokens(site).access(grant_id)
    assert len(site.ehr.forms) == asked


@pytest.mark.parametrize("entry", [SERVICE])
def test_an_ehr_that_offers_or_grants_none_leaves_the_login_over(site: Site) -> None:
    """No system scopes, a refusal, an answer that is no token: the clinician launches again, as without the service."""
    grant_id = _lost(site)
    site.ehr.faults.smart = {}
    with pytest.raises(ChartNeedsRelaunch):
        _tokens(site).access(grant_id)
    site.ehr.faults.smart = OFFERED
    for status, error in ((400, "invalid_scope"), (401, "invalid_client"), (400, "unauthorized_client")):
        site.ehr.faults.token_status, site.ehr.faults.token_error = status, error
        with pytest.raises(ChartNeedsRelaunch):
            _tokens(site).access(grant_id)
    site.ehr.faults.token_status = 200
    for odd in ({"token_type": "mac"}, {"scope": "system/Patient.rs"}, {"scope": 7}):
        site.ehr.faults.token = odd
        with pytest.raises(ChartNeedsRelaunch):
            _tokens(site).access(grant_id)
    assert _uses(site) == []


@pytest.mark.parametrize("entry", [SERVICE])
def test_an_ehr_that_is_down_is_tried_again_later(site: Site) -> None:
    """A fault of the server says nothing about the login."""
    grant_id = _lost(site)
    site.ehr.faults.token_status = 503
    with pytest.raises(ChartUnreachable):
        _tokens(site).access(grant_id)
    site.ehr.faults.token_status = 200
    assert _tokens(site).access(grant_id).patient_id == "carol"


@pytest.mark.req("C02")
def test_the_worker_files_through_it_and_no_page_does(tmp_path: Path) -> None:
    """What people see and do goes by their own login alone; only the outbox may fall back on the service."""
    made = kit.make(config.load(environment(tmp_path / "data")))
    filer = made.steps.file.__self__  # type: ignore[attr-defined]
    assert isinstance(filer._charts._tokens, FilingTokens)
    assert isinstance(made.charts._tokens, TokenKeeper)
    made.db.close()
