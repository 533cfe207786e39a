"""The Chart on a stock OpenEMR: FHIR reads, and writes by its standard API (ehr.md sections 2 and 3).

Signed notes and receipts of consents go there as text documents, the notice as a message; everything else stays in
Chartside, where its own FHIR face shows it. Nothing there can be changed or deleted, so drafts stay here too.
"""

from collections.abc import Mapping
from dataclasses import replace

from fhir_mappings import ways
from fhir_mappings.scopes import scope_allows
from smart_app.chart import openemr_texts as texts
from smart_app.chart.answers import BUSY, Answers
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.http import UNREADABLE
from smart_app.chart.line import Line
from smart_app.chart.openemr_documents import WAY, Documents
from smart_app.errors import ChartRefused, ChartUnreachable
from smart_app.ports import Filed, HttpAnswer, PatientFacts, Resource

MESSAGE = "message"
MESSAGE_TITLE = "Other"
SOAP_NOTE = "soap_note"
WITH_SOAP_NOTE = "document+soap"
UNCONFIRMED = "unconfirmed"
"""The way of a message that may have been sent: OpenEMR lists none, so it is not sent twice."""
_STEPS: Mapping[str, ways.Step] = {"DocumentReference": "sign", "Consent": "consent", "Communication": "notice"}
_LETTERS = {"create": "create", "read": "search-type"}


class OpenEmrChart:
    """One launch's way into the chart of a stock OpenEMR."""

    def __init__(self, *, line: Line, answers: Answers, fhir: FhirR4Chart, has_soap_note: bool) -> None:
        """`has_soap_note`: the admin wants a SOAP note beside the document."""
        self._line = line
        self._answers = answers
        self._fhir = fhir
        self._documents = Documents(line=line, answers=answers, fhir=fhir)
        self._has_soap_note = has_soap_note

    def patient(self, patient_id: str) -> PatientFacts:
        """Read the patient."""
        return self._fhir.patient(patient_id)

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Read one resource."""
        return self._fhir.read(resource_type, resource_id)

    def find(self, resource_type: str, params: Mapping[str, str]) -> tuple[Resource, ...]:
        """Search. A parameter that OpenEMR does not know gives nothing, silently."""
        return self._fhir.find(resource_type, params)

    def takes(self, resource_type: str, operation: str = "create") -> bool:
        """Say whether there is a way for it here; reads are as on any FHIR server."""
        if operation not in {"create", "update"}:
            return self._fhir.takes(resource_type, operation)
        step = _STEPS.get(resource_type)
        return step is not None and ways.choose(step, "openemr", self._takes_way).name != ways.APP

    def _takes_way(self, name: str, operation: str) -> bool:
        access = self._line.access()
        is_granted = scope_allows(access.scope, name, _LETTERS[operation])
        if name == MESSAGE:
            is_granted = is_granted and bool(access.user_name)
        return (
            is_granted and scope_allows(access.scope, "patient", "read") and not self._answers.is_off(name, operation)
        )

    def create(self, resource: Resource) -> Filed:
        """File it by the way that this EHR has for it."""
        kind = str(resource["resourceType"])
        if not self.takes(kind):
            raise self._answers.not_offered(kind, "create")
        if kind == "Consent":
            return self._documents.put(texts.receipt_text(resource), texts.file_name(resource), resource)
        if kind == "Communication":
            return self._message(resource)
        if resource.get("docStatus") == "preliminary" or resource.get("status") == "entered-in-error":
            raise ChartRefused(
                "not_offered", "OpenEMR cannot take a draft back, so it stays in Chartside.", "Sign it to file it."
            )
        filed = self._documents.put(texts.note_text(resource), texts.file_name(resource), resource)
        has_both = self._has_soap_note and self._soap_note(resource)
        return replace(filed, way=WITH_SOAP_NOTE) if has_both else filed

    def update(self, resource: Resource, filed: Filed) -> Filed:
        """A withdrawal adds a second receipt; a note that was filed as a document stays as it was signed.

        What our module filed before it was taken away cannot be changed: a signed note is filed as a document.
        """
        if resource["resourceType"] == "DocumentReference":
            if filed.way in {WAY, WITH_SOAP_NOTE}:
                return filed
            if resource["status"] == "superseded":
                raise self._answers.not_offered("DocumentReference", "update")
            if resource["status"] == "entered-in-error":
                raise ChartRefused(
                    "not_offered",
                    "OpenEMR holds a draft that only the Chartside module could take back.",
                    "Delete it in OpenEMR.",
                )
        return self.create(resource)

    def digest(self, resource: Resource) -> str:
        """Return the digest as on any FHIR server; nothing here is ever replaced."""
        return self._fhir.digest(resource)

    # --- OpenEMR's inbox --------------------------------------------------------------------------------------------

    def _message(self, notice: Resource) -> Filed:
        """Send the notice to the clinician's inbox; where the answer was lost it is not sent again."""
        access = self._line.access()
        self._answers.demand(MESSAGE, "create")
        pid = self._documents.pid(access, notice)
        body = {
            "body": str(notice["payload"][0]["contentString"]),
            "groupname": "Default",
            "from": access.user_name,
            "to": access.user_name,
            "title": MESSAGE_TITLE,
            "message_status": "New",
        }
        try:
            answer = self._line.api("POST", f"patient/{pid}/message", json=body)
            self._answers.refuse_unknown(answer)
        except (ChartUnreachable, ChartRefused) as error:
            if error.code == BUSY or (isinstance(error, ChartRefused) and error.code not in UNREADABLE):
                raise
            return Filed(resource_type="Communication", id=UNCONFIRMED, way=UNCONFIRMED)
        self._answers.check(answer, access, MESSAGE, "create", notice)
        return Filed(resource_type="Communication", id=_id_of(answer, "mid"), way=MESSAGE)

    # --- the SOAP note that FHIR clients never see ------------------------------------------------------------------

    def _soap_note(self, note: Resource) -> bool:
        """Add the SOAP note once and say whether it is there; without the right to it, the document stands alone."""
        access = self._line.access()
        may = all(scope_allows(access.scope, SOAP_NOTE, operation) for operation in ("create", "search-type"))
        eid = self._documents.eid(access, note) if may and not self._answers.is_off(SOAP_NOTE, "create") else ""
        if not eid:
            return False
        path = f"patient/{self._documents.pid(access, note)}/encounter/{eid}/soap_note"
        if self._has_soap(path, texts.marker(note)):
            return True
        try:
            answer = self._line.api("POST", path, json=texts.soap_fields(note))
            self._answers.refuse_unknown(answer)
            self._answers.check(answer, access, SOAP_NOTE, "create", note)
        except ChartRefused:
            return False
        # OpenEMR says 200 and 201 for what it did not keep.
        return self._has_soap(path, texts.marker(note))

    def _has_soap(self, path: str, mark: str) -> bool:
        """Say whether the visit has a SOAP note with this marker (the list repeats its rows)."""
        answer = self._line.api("GET", path)
        self._answers.refuse_unknown(answer)
        return answer.status == 200 and any(mark in str(row.get("plan", "")) for row in answer.rows())


def _id_of(answer: HttpAnswer, name: str) -> str:
    """Return the new row's number. OpenEMR answers 200 with a map of faults where it took nothing."""
    value = str(answer.fields().get(name, ""))
    if not value.isdecimal():
        raise ChartRefused("not_accepted", "OpenEMR did not accept the message.", "Tell your administrator.")
    return value
