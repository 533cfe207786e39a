"""Makes the Chart of a launch: the adapter for its server, with its tokens."""

from urllib.parse import quote

from smart_app.chart.capabilities import Capabilities
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.http import GuardedHttp
from smart_app.errors import ChartRefused, ChartUnreachable
from smart_app.ports import Chart, Clock, Tokens


class FhirCharts:
    """Charts on FHIR R4 servers; one per process, so that what a server offers is asked once."""

    def __init__(self, *, http: GuardedHttp, tokens: Tokens, clock: Clock) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._capabilities = Capabilities()

    def knows_bearer(self, iss: str, patient_id: str, token: str) -> bool:
        """Say whether this EHR takes the token for one of its own, whatever it allows; False when it does not answer.

        Asked by a read of the patient's id: only a server that does not know the token answers 401.
        """
        url = f"{iss.rstrip('/')}/Patient/{quote(patient_id, safe='')}?_elements=id"
        try:
            answer = self._http.fhir("GET", url, base=iss, bearer=token)
        except (ChartRefused, ChartUnreachable):
            return False
        return answer.status in {200, 403, 404}

    def for_grant(self, ehr_grant_id: str) -> Chart:
        """Return the chart through this launch's tokens."""
        return FhirR4Chart(
            ehr_grant_id=ehr_grant_id,
            http=self._http,
            tokens=self._tokens,
            capabilities=self._capabilities,
            clock=self._clock,
        )
