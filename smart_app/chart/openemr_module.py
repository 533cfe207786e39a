"""The Chart on an OpenEMR with our module: Consent and Media as FHIR, the note as a Clinical Note (plugin/openemr).

Every create there is conditional on our identifier, so a create whose answer was lost may simply be sent again. Core
shows a note without version, standing and identifier: what was written is read back from the module's own account.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fhir_mappings import ways
from fhir_mappings.elements import inline
from fhir_mappings.scopes import scope_allows
from smart_app.chart.answers import Answers
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.line import Line
from smart_app.chart.openemr import WITH_SOAP_NOTE, OpenEmrChart
from smart_app.chart.openemr_documents import WAY as DOCUMENT_WAY
from smart_app.chart.resources import FHIR_ID, encounters_of, outcome_text, patients_of, plain_text, reference_of
from smart_app.errors import ChartConflict, ChartRefused
from smart_app.ports import Access, Filed, HttpAnswer, PatientFacts, Resource

NOTE = "DocumentReference"
WAY = "clinical-note"
POPUP = "module"
_KEPT_AS_FHIR = frozenset({"Consent", "Media"})
_STOCK_WAYS = frozenset({DOCUMENT_WAY, WITH_SOAP_NOTE})
_SEARCHES = {"search": "search-type"}
_ADMIN = "Tell your administrator."


class OpenEmrModuleChart:
    """One launch's way into the chart of an OpenEMR with our module."""

    def __init__(self, *, line: Line, answers: Answers, fhir: FhirR4Chart, stock: OpenEmrChart) -> None:
        self._line = line
        self._answers = answers
        self._fhir = fhir
        self._stock = stock

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
        """Say whether the module was granted it and did not refuse it; core's statement says nothing of the module."""
        if operation not in {"create", "update"}:
            return self._takes(resource_type, _SEARCHES.get(operation, operation))
        if resource_type == "Communication":
            return self._notice_way() != ways.APP
        return resource_type in {NOTE, *_KEPT_AS_FHIR} and self._takes(resource_type, operation)

    def _takes(self, resource_type: str, operation: str) -> bool:
        is_granted = scope_allows(self._line.access().scope, resource_type, operation)
        return is_granted and not self._answers.is_off(resource_type, operation)

    def _notice_way(self) -> str:
        def takes(name: str, operation: str) -> bool:
            return self._takes(name, operation) if name == ways.MODULE_RESOURCE else self._stock.takes("Communication")

        return ways.choose("notice", "openemr_module", takes).name

    def create(self, resource: Resource) -> Filed:
        """File it once by its first identifier."""
        kind = str(resource["resourceType"])
        if kind in _KEPT_AS_FHIR:
            return self._fhir.create(resource)
        if not self.takes(kind):
            raise self._answers.not_offered(kind, "create")
        return self._notify(resource) if kind == "Communication" else self._create_note(resource)

    def update(self, resource: Resource, filed: Filed) -> Filed:
        """Replace what we filed if nobody changed or locked it since."""
        kind = str(resource["resourceType"])
        is_document = filed.way in _STOCK_WAYS  # of before the module was there: nobody can change it
        if kind in _KEPT_AS_FHIR:
            return self._fhir.create(resource) if is_document else self._fhir.update(resource, filed)
        if kind == "Communication" or is_document:
            return filed
        return self._update_note(_as_kept(resource), filed)

    def digest(self, resource: Resource) -> str:
        """Return the digest of what the module tells of a note; of all else, that of FHIR."""
        return (
            _digest(_as_sent(_as_kept(resource))) if resource["resourceType"] == NOTE else self._fhir.digest(resource)
        )

    # --- the note ---------------------------------------------------------------------------------------------------

    def _create_note(self, resource: Resource) -> Filed:
        ours, access = _as_kept(resource), self._line.access()
        answer = self._line.fhir("POST", NOTE, json=ours)
        self._answers.refuse_unknown(answer)
        if answer.status == 409:
            raise _not_now(answer)
        self._answers.check(answer, access, NOTE, "create", ours)
        made = answer.fields()
        state = self._state(str(made.get("id", "")), ours, access)
        filed = Filed(resource_type=NOTE, id=str(made["id"]), etag=str(state["etag"]), way=WAY)
        if answer.status == 201 and not _is_as_sent(state, ours):
            raise ChartRefused("lost", "OpenEMR took the note and does not hold its text.", _ADMIN)
        return filed if _is_as_sent(state, ours) else self._update_note(ours, filed)

    def _update_note(self, ours: Resource, filed: Filed) -> Filed:
        access = self._line.access()
        self._answers.demand(NOTE, "update")
        etag = filed.etag or str(self._state(filed.id, ours, access)["etag"])
        answer = self._line.fhir("PUT", f"{NOTE}/{filed.id}", headers={"If-Match": etag}, json={**ours, "id": filed.id})
        self._answers.refuse_unknown(answer)
        if answer.status in {404, 410}:
            raise ChartRefused("gone", "The note was deleted in the chart by somebody else.", "Look in the chart.")
        state = self._state(filed.id, ours, access) if answer.status in {200, 409, 412} else {}
        if state and _is_as_sent(state, ours):
            return Filed(resource_type=NOTE, id=filed.id, etag=str(state["etag"]), way=WAY)
        if answer.status == 412 and _digest(state) in filed.sent:
            return self._update_note(ours, replace(filed, etag=str(state["etag"]), sent=frozenset()))
        if answer.status in {409, 412}:
            raise _conflict(answer, state)
        self._answers.check(answer, access, NOTE, "update", ours)
        raise ChartRefused("lost", "OpenEMR took the note and does not hold its text.", _ADMIN)

    def _state(self, id_: str, ours: Resource, access: Access) -> dict[str, Any]:
        """Return the module's account of a note of ours. Raises ChartRefused when it is in another chart or visit."""
        if not FHIR_ID.fullmatch(id_):
            raise ChartRefused("no_id", "The EHR gave no usable id.", _ADMIN)
        answer = self._line.api("GET", f"{ways.MODULE_RESOURCE}/{quote(id_, safe='')}")
        if answer.status in {404, 410}:
            raise ChartRefused("gone", "The note is not in the chart.", "Look in the chart.")
        self._answers.refuse_unknown(answer)
        self._answers.check(answer, access, ways.MODULE_RESOURCE, "read")
        state = answer.fields()
        patient, visit = ({"reference": state.get(name)} for name in ("patient", "encounter"))
        is_right = {reference_of(patient, access.base)} == patients_of(ours, access.base)
        if not is_right or {reference_of(visit, access.base)} != encounters_of(ours, access.base):
            raise ChartRefused(
                "wrong_chart", "The EHR put this into another patient's chart or visit.", "Tell your administrator now."
            )
        return state

    # --- the notice -------------------------------------------------------------------------------------------------

    def _notify(self, notice: Resource) -> Filed:
        """Show the pop-up in OpenEMR's main window, once; without it a message."""
        if self._notice_way() != POPUP:
            return self._stock.create(notice)
        access, key = self._line.access(), str(notice["identifier"][0]["value"])
        answer = self._line.api("POST", ways.MODULE_RESOURCE, json={"kind": "ready", "key": key})
        self._answers.refuse_unknown(answer)
        self._answers.check(answer, access, ways.MODULE_RESOURCE, "create", notice)
        return Filed(resource_type="Communication", id=key, way=POPUP)


def _as_kept(resource: Resource) -> Resource:
    """Return the note as the module takes it: an amendment's text names the old note, a withdrawn draft is superseded.

    Core shows neither relatesTo nor a status but current.
    """
    text = plain_text(resource)
    for related in resource.get("relatesTo", ()):
        text = f"Replaces: {related['target'].get('reference', '')}\n\n{text}"
    if resource.get("docStatus") == "preliminary" and not text.startswith("DRAFT"):
        text = f"DRAFT, not signed\n\n{text}"
    first = resource["content"][0]
    attachment = {**first["attachment"], **inline(text.encode())}
    status = "superseded" if resource["status"] == "entered-in-error" else resource["status"]
    return {**resource, "status": status, "content": [{**first, "attachment": attachment}]}


def _is_as_sent(state: Mapping[str, Any], ours: Resource) -> bool:
    return _told(state) == _told(_as_sent(ours))


def _as_sent(ours: Resource) -> dict[str, Any]:
    """Return what the module's account of this note would tell."""
    text = base64.b64decode(ours["content"][0]["attachment"]["data"]).decode()
    return {"text": text, "status": ours["status"], "docStatus": ours["docStatus"]}


def _told(state: Mapping[str, Any]) -> tuple[list[str], Any, Any]:
    return _lines(str(state.get("text", ""))), state.get("status"), state.get("docStatus")


def _digest(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(_told(state)).encode()).hexdigest()


def _lines(text: str) -> list[str]:
    """Return the text as a database may give it back: line ends and the blanks around it are not ours."""
    return [line.rstrip() for line in text.strip().splitlines()]


def _conflict(answer: HttpAnswer, state: Mapping[str, Any]) -> ChartConflict:
    """Return the error for a note that somebody changed (412) or signed (409) in OpenEMR, with what it holds."""
    theirs = {"text": str(state.get("text", ""))}
    etag = str(state["etag"]) if "etag" in state else None
    if answer.status == 409:
        return ChartConflict(
            "locked_in_chart",
            "The note is signed and locked in OpenEMR; nothing was overwritten.",
            "Compare both and decide.",
            theirs=theirs,
            etag=etag,
        )
    return ChartConflict(
        "changed_in_chart",
        "The note was changed in OpenEMR by somebody else; nothing was overwritten.",
        "Compare both and decide.",
        theirs=theirs,
        etag=etag,
    )


def _not_now(answer: HttpAnswer) -> ChartRefused:
    """Return the error for a note that cannot be made: the visit is locked, or the identifier is spent."""
    issues = answer.fields().get("issue")
    codes = {issue.get("code") for issue in issues if isinstance(issue, dict)} if isinstance(issues, list) else set()
    words = outcome_text(answer.fields())
    if "lock-error" in codes:
        return ChartRefused(
            "locked",
            "The visit is signed and locked in OpenEMR.",
            "Unlock it there, then try filing again.",
            outcome=words,
        )
    return ChartRefused(
        "gone", "The note was deleted in the chart by somebody else.", "Look in the chart.", outcome=words
    )
