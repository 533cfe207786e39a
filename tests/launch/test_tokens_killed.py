"""A process that is really killed after the EHR answered a refresh and before the answer is stored (T05)."""

import os
import signal
from collections.abc import Mapping

import pytest

from smart_app.chart.http import GuardedHttp
from smart_app.errors import ChartNeedsRelaunch
from smart_app.launch.tokens import TokenKeeper
from smart_app.ports import HttpAnswer
from smart_app.store.database import Database
from tests.launch.conftest import Site
from tests.launch.test_tokens import refreshes, row


class Deadly(GuardedHttp):
    """Kills its own process as soon as the token endpoint has answered."""

    def post_form(self, url: str, body: str, *, headers: Mapping[str, str], origins: frozenset[str]) -> HttpAnswer:
        """Post, and die with the answer."""
        super().post_form(url, body, headers=headers, origins=origins)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def killed_while_refreshing(site: Site, grant_id: str) -> None:
    """Refresh in a process of its own that dies at the worst moment."""
    pid = os.fork()
    if pid == 0:
        try:
            db = Database(site.settings.database_url)
            http = Deadly(is_loopback_dev=True)
            TokenKeeper(db=db, settings=site.settings, clock=site.clock, seal=site.seal, http=http).access(grant_id)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.req("T05", "G04")
@pytest.mark.parametrize("is_forgiven", [True, False])
def test_a_kill_minus_nine_between_answer_and_save(site: Site, is_forgiven: bool) -> None:
    """The lease outlives the dead process, then the stored token is tried: it goes on, or asks for a launch."""
    grant_id = site.sign_in(site.browser()).ehr_grant_id
    site.ehr.faults.reuse_is_forgiven = is_forgiven
    before = row(site).refresh_sealed
    site.clock.tick(hours=1)
    killed_while_refreshing(site, grant_id)
    assert refreshes(site) == 1
    assert (row(site).refresh_sealed, row(site).needs_relaunch) == (before, False)
    assert row(site).refresh_lease_until is not None
    site.clock.tick(seconds=61)
    if is_forgiven:
        assert site.tokens.access(grant_id).token in site.ehr.access
    else:
        with pytest.raises(ChartNeedsRelaunch):
            site.tokens.access(grant_id)
    assert row(site).needs_relaunch is not is_forgiven
    assert refreshes(site) == 2
