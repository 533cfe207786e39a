"""Makes the Chart of a launch: the adapter for its server, with its tokens."""

from urllib.parse import quote

from fhir_mappings.ways import MODULE_RESOURCE
from smart_app.chart.answers import Answers
from smart_app.chart.capabilities import Capabilities
from smart_app.chart.choice import is_fresh, look
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.http import GuardedHttp
from smart_app.chart.line import Line
from smart_app.chart.openemr import OpenEmrChart
from smart_app.chart.openemr_module import OpenEmrModuleChart
from smart_app.errors import ChartRefused, ChartUnreachable
from smart_app.ports import Chart, Clock, EhrFacts, EhrMemory, Tokens


class FhirCharts:
    """Charts on every kind of server; what a server is, is asked once an hour and kept."""

    def __init__(
        self,
        *,
        http: GuardedHttp,
        tokens: Tokens,
        clock: Clock,
        memory: EhrMemory,
        soap_note_at: frozenset[str] = frozenset(),
    ) -> None:
        """`soap_note_at` are EHRs that want a SOAP note beside each document."""
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._memory = memory
        self._soap_note_at = soap_note_at

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
        """Return the chart through this launch's tokens.

        Raises ChartNeedsRelaunch or ChartUnreachable when the launch has no token.
        """
        line = Line(ehr_grant_id=ehr_grant_id, http=self._http, tokens=self._tokens)
        facts = self._facts(line)
        capabilities = Capabilities(facts=facts, memory=self._memory, ehr_grant_id=ehr_grant_id)
        answers = Answers(capabilities=capabilities, clock=self._clock)
        fhir = FhirR4Chart(line=line, capabilities=capabilities, answers=answers)
        if facts.adapter == "fhir_r4":
            return fhir
        has_soap_note = facts.adapter == "openemr" and facts.iss in self._soap_note_at
        stock = OpenEmrChart(line=line, answers=answers, fhir=fhir, has_soap_note=has_soap_note)
        if facts.adapter == "openemr":
            return stock
        return OpenEmrModuleChart(line=line, answers=answers, fhir=fhir, stock=stock)

    def ehr_switch(self, ehr_grant_id: str) -> bool | None:
        """Return how the clinician's own AI switch stands in the EHR; None where the EHR has none.

        Raises ChartRefused, ChartUnreachable or ChartNeedsRelaunch when it has one and does not tell.
        """
        line = Line(ehr_grant_id=ehr_grant_id, http=self._http, tokens=self._tokens)
        if self._facts(line).adapter != "openemr_module":
            return None
        answer = line.api("GET", MODULE_RESOURCE)
        about = answer.fields() if answer.status == 200 else {}
        if not about:
            raise ChartUnreachable(
                "ehr_failed", "The EHR does not say how your switch stands.", "Try again in a minute."
            )
        return about.get("aiConsent") is True

    def _facts(self, line: Line) -> EhrFacts:
        known, now = self._memory.known(line.access().base), self._clock.now()
        if known is not None and is_fresh(known, now):
            return known
        found = look(self._http, line, known, now=now)
        self._memory.keep(found)
        return found
