"""The FHIR R4 adapter against the small SMART server, with tokens that a test hands out."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.errors import ChartNeedsRelaunch
from smart_app.ports import Access, Chart
from tests.conftest import FrozenClock
from tests.fakes.smart_ehr import SCOPE_ALL, SmartEhr
from tests.peers.openemr_like.process import OpenEmrLike


@pytest.fixture
def ehr() -> Iterator[SmartEhr]:
    """The EHR, with the first token known to it."""
    with SmartEhr() as server:
        server.access |= {"token-1", "token-2"}
        yield server


@dataclass
class HandedTokens:
    """Tokens in a row: each refusal takes the next; after the last the login is over."""

    base: str
    scope: str = SCOPE_ALL.replace("Provenance.crs", "Provenance.c")
    """One type that may be created and not searched for, as some servers grant it."""
    number: int = 1
    last: int = 2

    def access(self, ehr_grant_id: str) -> Access:
        """Return the present token."""
        return Access(token=f"token-{self.number}", base=self.base, scope=self.scope, patient_id="carol")

    def renewed(self, ehr_grant_id: str, *, stale: str) -> Access:
        """Return the next token."""
        if self.number == self.last:
            raise ChartNeedsRelaunch("needs_relaunch", "Over.", "Launch.")
        self.number += 1
        return self.access(ehr_grant_id)


@pytest.fixture
def tokens(ehr: SmartEhr) -> HandedTokens:
    """The tokens of the one grant."""
    return HandedTokens(base=ehr.iss)


@pytest.fixture
def charts(tokens: HandedTokens, clock: FrozenClock) -> FhirCharts:
    """The adapter's maker."""
    return FhirCharts(http=GuardedHttp(is_loopback_dev=True), tokens=tokens, clock=clock)


@pytest.fixture
def chart(charts: FhirCharts, ehr: SmartEhr) -> Chart:
    """The chart of the grant, with the server known."""
    made = charts.for_grant("grant-1")
    ehr.calls.clear()
    ehr.headers.clear()
    return made


# --- OpenEMR --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def stock_server() -> Iterator[OpenEmrLike]:
    """A stock OpenEMR, as measured."""
    with OpenEmrLike() as server:
        yield server


@pytest.fixture(scope="package")
def module_server() -> Iterator[OpenEmrLike]:
    """An OpenEMR with our module."""
    with OpenEmrLike(has_module=True) as server:
        yield server


@pytest.fixture
def openemr(stock_server: OpenEmrLike) -> OpenEmrLike:
    """A stock OpenEMR with nothing but its seeded charts."""
    stock_server.control("reset")
    return stock_server


@pytest.fixture
def openemr_with_module(module_server: OpenEmrLike) -> OpenEmrLike:
    """An OpenEMR with our module, and nothing but its seeded charts."""
    module_server.control("reset")
    return module_server
