"""The clinician's own AI switch in the EHR is read with each launch; one that cannot be read counts as off."""

import pytest

from smart_app.errors import ChartUnreachable
from smart_app.store.tables import Clinician
from tests.launch.conftest import Site


def kept(site: Site) -> bool | None:
    """Return how Dr Alice's switch in the EHR stands in our table."""
    with site.db.read() as db:
        return db.query(Clinician).one().ehr_ai_consent


@pytest.mark.req("S05", "S07")
def test_each_launch_reads_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """None where the EHR has none; on and off as it says; off when it does not say."""
    browser = site.browser()
    site.sign_in(browser)
    assert kept(site) is None
    for told in (True, False, None, True):
        monkeypatch.setattr(site.charts, "ehr_switch", lambda _grant_id, told=told: told)
        site.sign_in(browser)
        assert kept(site) is told

    def silent(_grant_id: str) -> bool | None:
        raise ChartUnreachable("ehr_failed", "The EHR does not say how your switch stands.", "Try again.")

    monkeypatch.setattr(site.charts, "ehr_switch", silent)
    site.sign_in(browser)
    assert kept(site) is False
