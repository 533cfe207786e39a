"""Makes the Chart of a launch: the adapter for its server, with its tokens."""

from smart_app.chart.capabilities import Capabilities
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.http import GuardedHttp
from smart_app.ports import Chart, Clock, Tokens


class FhirCharts:
    """Charts on FHIR R4 servers; one per process, so that what a server offers is asked once."""

    def __init__(self, *, http: GuardedHttp, tokens: Tokens, clock: Clock) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._capabilities = Capabilities()

    def for_grant(self, ehr_grant_id: str) -> Chart:
        """Return the chart through this launch's tokens."""
        return FhirR4Chart(
            ehr_grant_id=ehr_grant_id,
            http=self._http,
            tokens=self._tokens,
            capabilities=self._capabilities,
            clock=self._clock,
        )
