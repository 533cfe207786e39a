"""Refreshing: one at a time, stored before use, no grant lost without need."""

import threading
from typing import Any

import pytest
from sqlalchemy import select

from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.launch.tokens import TokenKeeper, lifetime_s
from smart_app.store import launches
from smart_app.store.tables import EhrGrant
from tests.launch.conftest import Site


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def grant_id(site: Site) -> str:
    """A grant of a finished launch."""
    return site.sign_in(site.browser()).ehr_grant_id


def refreshes(site: Site) -> int:
    """Return how many refresh requests the EHR saw."""
    return sum(form["grant_type"] == "refresh_token" for form in site.ehr.forms)


def row(site: Site) -> EhrGrant:
    """Return the grant as stored."""
    with site.db.read() as db:
        found: EhrGrant | None = db.scalar(select(EhrGrant))
    assert found is not None
    return found


@pytest.mark.req("T05", "smart@105", "smart@106", "smart@107", "smart@108", "smart@117")
def test_it_refreshes_at_80_percent_of_the_lifetime(site: Site, grant_id: str) -> None:
    """Before, the token is used as it is; after, it is renewed once, without a scope, and the new one is stored."""
    first = site.tokens.access(grant_id).token
    site.clock.tick(seconds=2879)
    assert site.tokens.access(grant_id).token == first
    site.clock.tick(seconds=1)
    second = site.tokens.access(grant_id).token
    assert second != first
    assert site.tokens.access(grant_id).token == second
    assert refreshes(site) == 1
    assert set(site.ehr.forms[-1]) == {"grant_type", "refresh_token"}
    assert row(site).previous_refresh_sealed is not None
    assert row(site).refresh_lease_until is None


@pytest.mark.req("T05")
def test_a_refresh_token_that_does_not_rotate_is_kept(site: Site, grant_id: str) -> None:
    """No new refresh token in the answer: the old one goes on."""
    site.ehr.faults.refresh_rotates = False
    for _ in range(3):
        site.clock.tick(hours=1)
        site.tokens.access(grant_id)
    assert refreshes(site) == 3
    assert row(site).previous_refresh_sealed is None


@pytest.mark.req("T05")
def test_a_401_renews_once_and_shares_the_result(site: Site, grant_id: str) -> None:
    """Two callers with the same refused token cause one refresh."""
    stale = site.tokens.access(grant_id).token
    first = site.tokens.renewed(grant_id, stale=stale)
    second = site.tokens.renewed(grant_id, stale=stale)
    assert first.token == second.token != stale
    assert refreshes(site) == 1


@pytest.mark.req("T05")
@pytest.mark.parametrize(("status", "error"), [(400, "invalid_grant"), (401, "invalid_request")])
def test_a_refused_refresh_needs_a_relaunch(site: Site, grant_id: str, status: int, error: str) -> None:
    """Also OpenEMR's 401 for a reused token. From then on nobody is asked again."""
    site.clock.tick(hours=1)
    site.ehr.faults.token_status, site.ehr.faults.token_error = status, error
    with pytest.raises(ChartNeedsRelaunch):
        site.tokens.access(grant_id)
    asked = refreshes(site)
    with pytest.raises(ChartNeedsRelaunch):
        site.tokens.access(grant_id)
    assert refreshes(site) == asked == 1
    assert row(site).needs_relaunch


@pytest.mark.req("T05")
def test_an_ehr_with_a_fault_is_no_refusal(site: Site, grant_id: str) -> None:
    """500: while the token lives it is used; when it is over the caller waits; then it works again."""
    first = site.tokens.access(grant_id).token
    site.ehr.faults.token_status = 500
    site.clock.tick(seconds=3000)
    assert site.tokens.access(grant_id).token == first
    site.clock.tick(seconds=700)
    with pytest.raises(ChartUnreachable):
        site.tokens.access(grant_id)
    assert not row(site).needs_relaunch
    site.ehr.faults.token_status = 200
    assert site.tokens.access(grant_id).token != first


@pytest.mark.req("T05")
def test_a_refused_client_is_an_administrators_matter(site: Site, grant_id: str) -> None:
    """401 invalid_client is no verdict on the refresh token: the grant stays."""
    site.clock.tick(hours=1)
    site.ehr.faults.token_status, site.ehr.faults.token_error = 401, "invalid_client"
    with pytest.raises(ChartRefused) as refused:
        site.tokens.access(grant_id)
    assert refused.value.code == "refresh_refused"
    assert not row(site).needs_relaunch


class _DyingKeeper(TokenKeeper):
    """Dies with the EHR's answer in hand, before it is stored."""

    def _store(self, *args: Any, **more: Any) -> Any:
        raise Killed


def dying(site: Site, http: Any) -> _DyingKeeper:
    """Return a refresher that dies between the answer and the store."""
    return _DyingKeeper(db=site.db, settings=site.settings, clock=site.clock, seal=site.seal, http=http)


@pytest.mark.req("T05")
def test_a_kill_between_refresh_and_save_loses_no_grant(site: Site, grant_id: str) -> None:
    """The lease runs out, the stored token is tried once more; an EHR that forgives the repeat goes on."""
    site.ehr.faults.reuse_is_forgiven = True
    site.clock.tick(hours=1)
    for _ in range(5):
        with pytest.raises(Killed):
            dying(site, site.http).access(grant_id)
        assert not row(site).needs_relaunch
        site.clock.tick(seconds=61)
    assert site.tokens.access(grant_id).token in site.ehr.access
    assert refreshes(site) == 6


@pytest.mark.req("T05")
def test_a_kill_at_a_strict_ehr_ends_in_a_relaunch_not_in_a_loop(site: Site, grant_id: str) -> None:
    """Where the used token is dead, the clinician launches again; the grant row stays."""
    site.clock.tick(hours=1)
    with pytest.raises(Killed):
        dying(site, site.http).access(grant_id)
    site.clock.tick(seconds=61)
    with pytest.raises(ChartNeedsRelaunch):
        site.tokens.access(grant_id)
    assert row(site).needs_relaunch


@pytest.mark.req("T05")
def test_the_token_before_is_tried_when_the_new_one_fails(site: Site, grant_id: str) -> None:
    """The previous refresh token is kept until the new one has worked."""
    before = next(iter(site.ehr.refresh))
    site.clock.tick(hours=1)
    site.tokens.access(grant_id)
    site.ehr.refresh.clear()  # the EHR restored a backup: it knows the old token only
    site.ehr.refresh[before] = True
    site.clock.tick(hours=1)
    assert site.tokens.access(grant_id).token in site.ehr.access
    assert [form["refresh_token"] == before for form in site.ehr.forms[1:]] == [True, False, True]


@pytest.mark.req("T05")
def test_ten_callers_at_once_cause_one_refresh(site: Site, grant_id: str) -> None:
    """One leased refresher; the others wait for its token."""
    site.clock.tick(hours=2)
    keeper = TokenKeeper(
        db=site.db, settings=site.settings, clock=site.clock, seal=site.seal, http=site.http, pause=_short
    )
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(keeper.access(grant_id).token)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 10
    assert len(set(found)) == 1
    assert refreshes(site) == 1


def _short(_: float) -> None:
    threading.Event().wait(0.02)


@pytest.mark.req("T05")
def test_while_another_refreshes_a_living_token_is_used(site: Site, grant_id: str) -> None:
    """Nobody waits for a renewal that is only early."""
    first = site.tokens.access(grant_id).token
    site.clock.tick(seconds=3000)
    with site.db.begin() as db:
        now = site.clock.now()
        assert launches.lease_refresh(db, grant_id, now=now, until_at=now.replace(year=2100))
    assert site.tokens.access(grant_id).token == first
    site.clock.tick(hours=1)
    with pytest.raises(ChartUnreachable):
        site.tokens.access(grant_id)
    assert refreshes(site) == 0


@pytest.mark.req("T16")
def test_a_refresh_for_another_patient_is_refused(site: Site, grant_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that suddenly stands for another chart is not stored."""
    whole = site.ehr._tokens
    monkeypatch.setattr(site.ehr, "_tokens", lambda: {**whole(), "patient": "pat"})
    site.clock.tick(hours=1)
    with pytest.raises(ChartRefused) as refused:
        site.tokens.access(grant_id)
    assert refused.value.code == "wrong_chart"


def test_no_such_grant_needs_a_launch(site: Site) -> None:
    """A grant that was deleted is a login that is over."""
    with pytest.raises(ChartNeedsRelaunch):
        site.tokens.access("no-such")


@pytest.mark.parametrize(("value", "expected"), [(60, 60), ("60", 60), (0, 1), (-5, 1), ("x", 3600), (None, 3600)])
def test_a_strange_lifetime_is_survived(value: Any, expected: int) -> None:
    """expires_in as EHRs write it."""
    assert lifetime_s({"expires_in": value}) == expected
