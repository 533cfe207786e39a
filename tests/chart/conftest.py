"""The FHIR R4 adapter against the small SMART server, with tokens that a test hands out."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from smart_app.chart.charts import FhirCharts
from smart_app.errors import ChartNeedsRelaunch
from smart_app.ports import Access, Chart
from tests.conftest import FrozenClock
from tests.fakes.real_charts import real_charts
from tests.fakes.smart_ehr import SCOPE_ALL, SmartEhr
from tests.peers.openemr_like.fixtures import module_server, openemr, openemr_with_module, stock_server

__all__ = ["module_server", "openemr", "openemr_with_module", "stock_server"]


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
    return real_charts(tokens, clock)


@pytest.fixture
def chart(charts: FhirCharts, ehr: SmartEhr) -> Chart:
    """The chart of the grant, with the server known."""
    made = charts.for_grant("grant-1")
    ehr.calls.clear()
    ehr.headers.clear()
    return made
