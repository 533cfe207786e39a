"""The Chart on any FHIR R4 server: written exactly once, read back, never another patient's (ehr.md section 2)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fhir_mappings.echo import contradictions
from fhir_mappings.scopes import scope_allows
from smart_app.chart.answers import BUSY, Answers
from smart_app.chart.capabilities import Capabilities
from smart_app.chart.http import UNREADABLE
from smart_app.chart.line import Line
from smart_app.chart.resources import (
    FHIR_ID,
    digest,
    encounters_of,
    finder,
    fits,
    is_found_by,
    is_same,
    medication_name,
    patient_facts,
    patients_of,
    problem_name,
)
from smart_app.errors import ChartConflict, ChartNeedsRelaunch, ChartRefused, ChartsideError, ChartUnreachable
from smart_app.ports import Access, Filed, HttpAnswer, PatientFacts, Resource

MAX_PAGES = 50
_OPERATIONS = {"search": "search-type"}
_ASK_ADMIN = "Tell your administrator."


class FhirR4Chart:
    """One launch's way into the chart of a FHIR R4 server."""

    def __init__(self, *, line: Line, capabilities: Capabilities, answers: Answers) -> None:
        self._line = line
        self._capabilities = capabilities
        self._answers = answers

    # --- reading ----------------------------------------------------------------------------------------------------

    def patient(self, patient_id: str) -> PatientFacts:
        """Read the patient, and the names of medications and problems as far as scopes and server allow."""
        resource = self.read("Patient", patient_id)
        if resource.get("id") != patient_id:
            raise ChartRefused("wrong_chart", "The EHR answered with another patient.", _ASK_ADMIN)
        medications = tuple(medication_name(entry) for entry in self._extras("MedicationRequest", patient_id))
        problems = tuple(problem_name(entry) for entry in self._extras("Condition", patient_id))
        return patient_facts(resource, medications, problems)

    def _extras(self, resource_type: str, patient_id: str) -> list[Resource]:
        """Return the first page of a nice-to-have; nothing when the EHR will not give it."""
        access = self._line.access()
        if not scope_allows(access.scope, resource_type, "search-type"):
            return []
        # No other parameter: an unknown one may give nothing, silently (OpenEMR), or be ignored (sekmet).
        query = {"patient": patient_id, "_count": "100"}
        try:
            bundle = self._bundle(f"{resource_type}?{urlencode(query)}", resource_type)
        except (ChartRefused, ChartUnreachable, ChartNeedsRelaunch):
            return []
        return [entry for entry in _entries(bundle, resource_type) if fits(entry, query, access.base)]

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Read one resource. Raises ChartRefused "gone" when it is not there."""
        return self._read(resource_type, resource_id)[0]

    def find(self, resource_type: str, params: Mapping[str, str]) -> tuple[Resource, ...]:
        """Search, following next links on the same base; patient, status, identifier are checked again here."""
        base = self._line.access().base
        found: list[Resource] = []
        url = f"{resource_type}?{urlencode(params)}"
        for _ in range(MAX_PAGES):
            bundle = self._bundle(url, resource_type)
            found += [entry for entry in _entries(bundle, resource_type) if fits(entry, params, base)]
            links = [link for link in bundle.get("link") or [] if link.get("relation") == "next"]
            if not links or not links[0].get("url"):
                return tuple(found)
            url = str(links[0]["url"])
        raise ChartRefused("too_many", "The chart holds more than can be listed here.", "Look in the chart itself.")

    def takes(self, resource_type: str, operation: str = "create") -> bool:
        """Say whether the scopes, the server's statement and its refusals so far leave the operation open."""
        operation = _OPERATIONS.get(operation, operation)
        is_granted = scope_allows(self._line.access().scope, resource_type, operation)
        is_open = is_granted and not self._answers.is_off(resource_type, operation)
        return is_open and self._capabilities.offers(resource_type, operation)

    # --- writing ----------------------------------------------------------------------------------------------------

    def create(self, resource: Resource) -> Filed:
        """Create exactly once: search first, create on condition, search again when the outcome is unknown."""
        kind = str(resource["resourceType"])
        access = self._line.access()
        self._answers.demand(kind, "create")
        if (found := self._ours(resource, access)) is not None:
            return self._adopt(found, resource, access)
        try:
            answer = self._post(resource, access, is_conditional=True)
        except (ChartUnreachable, ChartRefused) as error:
            if _may_be_done(error) and (found := self._ours(resource, access)) is not None:
                return self._adopt(found, resource, access)
            raise
        if answer.status == 409 and (found := self._ours(resource, access)) is not None:
            return self._adopt(found, resource, access)
        if answer.status == 412:
            raise ChartRefused("several", f"The chart holds several copies of this {kind}.", _ASK_ADMIN)
        self._answers.check(answer, access, kind, "create", resource)
        return self._created(answer, resource, access)

    def _post(self, resource: Resource, access: Access, *, is_conditional: bool) -> HttpAnswer:
        headers = {"Prefer": "return=representation"}
        if is_conditional and (wanted := finder(resource)):
            headers["If-None-Exist"] = urlencode(wanted)
        answer = self._line.fhir("POST", str(resource["resourceType"]), headers=headers, json=resource)
        self._answers.refuse_unknown(answer)
        return answer

    def _created(self, answer: HttpAnswer, resource: Resource, access: Access) -> Filed:
        kind = str(resource["resourceType"])
        theirs = _body(answer, kind)
        id_ = _new_id(answer, theirs, kind)
        etag = _etag(answer, theirs)
        if scope_allows(access.scope, kind, "read"):
            theirs, etag = self._read(kind, id_)
        if theirs is None:
            return Filed(resource_type=kind, id=id_, etag=etag)
        is_other = answer.status == 200 and bool(finder(resource)) and not is_found_by(theirs, resource)
        if is_other:
            # The server matched its condition too loosely (an ignored parameter) and offers a stranger.
            answer = self._post(resource, access, is_conditional=False)
            self._answers.check(answer, access, kind, "create", resource)
            if answer.status == 200:
                raise ChartRefused("lost", f"The EHR took the {kind} and did not keep it.", _ASK_ADMIN)
            return self._created(answer, resource, access)
        self._check_chart(theirs, resource, access)
        if answer.status == 200:
            return self._adopt((theirs, etag), resource, access)
        _check_kept(theirs, resource)
        return Filed(resource_type=kind, id=id_, etag=etag)

    def _adopt(self, found: tuple[Resource, str | None], resource: Resource, access: Access) -> Filed:
        """Take a resource that is already there as ours, and bring it up to date where we may."""
        theirs, etag = found
        kind = str(resource["resourceType"])
        self._check_chart(theirs, resource, access)
        filed = Filed(resource_type=kind, id=_checked_id(theirs.get("id")), etag=etag)
        if is_same({**theirs, "id": ""}, resource) or not scope_allows(access.scope, kind, "update"):
            return filed
        return self.update(resource, filed)

    def update(self, resource: Resource, filed: Filed) -> Filed:
        """Replace what we filed if nobody changed it since; an answer that was lost is settled by reading."""
        return self._update(resource, filed, may_search=True)

    def _update(self, resource: Resource, filed: Filed, *, may_search: bool) -> Filed:
        kind = filed.resource_type
        access = self._line.access()
        self._answers.demand(kind, "update")
        if filed.etag is None and scope_allows(access.scope, kind, "read"):
            theirs, etag = self._read(kind, filed.id)
            self._check_chart(theirs, resource, access)
            filed = replace(filed, etag=etag)
        ours = {**resource, "id": filed.id}
        try:
            answer = self._put(ours, filed)
        except (ChartUnreachable, ChartRefused) as error:
            if not _may_be_done(error) or (done := self._done_already(ours, filed, access)) is None:
                raise
            return done
        if answer.status in {409, 412}:
            return self._settle(answer, ours, filed, access)
        if answer.status in {404, 410}:
            return self._missing(resource, filed, access, may_search=may_search)
        self._answers.check(answer, access, kind, "update", ours)
        return self._updated(answer, ours, filed, access)

    def digest(self, resource: Resource) -> str:
        """Return the digest of all but what a server writes itself."""
        return digest(resource)

    def _put(self, ours: Resource, filed: Filed) -> HttpAnswer:
        headers = {"Prefer": "return=representation"}
        if filed.etag:
            headers["If-Match"] = filed.etag
        answer = self._line.fhir("PUT", f"{filed.resource_type}/{_checked_id(filed.id)}", headers=headers, json=ours)
        self._answers.refuse_unknown(answer)
        return answer

    def _updated(self, answer: HttpAnswer, ours: Resource, filed: Filed, access: Access) -> Filed:
        theirs = _body(answer, filed.resource_type)
        etag = _etag(answer, theirs)
        try:
            if scope_allows(access.scope, filed.resource_type, "read"):
                theirs, etag = self._read(filed.resource_type, filed.id)
        except ChartsideError as error:
            error.written_etag = etag or ""  # else our own version would be taken for somebody else's change
            raise
        if theirs is not None:
            self._check_chart(theirs, ours, access)
            _check_kept(theirs, ours)
        return replace(filed, etag=etag)

    def _settle(self, answer: HttpAnswer, ours: Resource, filed: Filed, access: Access) -> Filed:
        """After 409 or 412: the same content is success, our own of before is replaced, else it is a conflict.

        After 409 an unchanged version gets one more try.
        """
        theirs, etag = self._theirs(filed, access)
        if theirs is not None and is_same(theirs, ours):
            return replace(filed, etag=etag)
        if theirs is not None and etag and digest(theirs) in filed.sent:
            return self._update(ours, replace(filed, etag=etag, sent=frozenset()), may_search=False)
        if answer.status == 409 and filed.etag:
            again = self._put(ours, filed)  # still with If-Match: another's change cannot be overwritten
            if again.status < 300:
                return self._updated(again, ours, filed, access)
        what = "note" if filed.resource_type == "DocumentReference" else filed.resource_type
        raise ChartConflict(
            "changed_in_chart",
            f"The {what} was changed in the chart by somebody else; nothing was overwritten.",
            "Compare both and decide.",
            theirs=theirs,
            etag=etag,
        )

    def _done_already(self, ours: Resource, filed: Filed, access: Access) -> Filed | None:
        """Return where it stands when the chart holds this very content, e.g. after an answer that was lost."""
        theirs, etag = self._theirs(filed, access)
        return replace(filed, etag=etag) if theirs is not None and is_same(theirs, ours) else None

    def _theirs(self, filed: Filed, access: Access) -> tuple[Resource | None, str | None]:
        """Read what the chart holds now; nothing where this login may not."""
        if not scope_allows(access.scope, filed.resource_type, "read"):
            return None, None
        return self._read(filed.resource_type, filed.id)

    def _missing(self, resource: Resource, filed: Filed, access: Access, *, may_search: bool) -> Filed:
        """After 404 or 410 on what we filed: perhaps it has another id now; it is never made again unasked."""
        found = self._ours(resource, access) if may_search else None
        if found is None:
            raise ChartRefused(
                "gone", f"The {filed.resource_type} was deleted in the chart by somebody else.", "Look in the chart."
            )
        if found[0].get("id") == filed.id:
            self._answers.switch_off(filed.resource_type, "update", status=404)
            raise self._answers.not_offered(filed.resource_type, "update")
        self._check_chart(found[0], resource, access)
        moved = Filed(resource_type=filed.resource_type, id=_checked_id(found[0].get("id")), etag=found[1])
        return self._update(resource, moved, may_search=False)

    # --- under both -------------------------------------------------------------------------------------------------

    def _ours(self, resource: Resource, access: Access) -> tuple[Resource, str | None] | None:
        """Search for what we may have filed already; None when it is not there or no search is possible."""
        kind, wanted = str(resource["resourceType"]), finder(resource)
        if not wanted or not scope_allows(access.scope, kind, "search-type"):
            return None
        try:
            bundle = self._bundle(f"{kind}?{urlencode(wanted)}", kind)
        except ChartRefused:
            return None  # this server cannot search so; the condition on the create has to do
        found = [entry for entry in _entries(bundle, kind) if is_found_by(entry, resource)]
        if len(found) > 1:
            raise ChartRefused("several", f"The chart holds several copies of this {kind}.", _ASK_ADMIN)
        if not found:
            return None
        return (
            self._read(kind, str(found[0].get("id"))) if scope_allows(access.scope, kind, "read") else (found[0], None)
        )

    def _check_chart(self, theirs: Resource, ours: Resource, access: Access) -> None:
        is_right = patients_of(theirs, access.base) == patients_of(ours, access.base)
        encounters = encounters_of(ours, access.base)
        if not is_right or (encounters and encounters != encounters_of(theirs, access.base)):
            raise ChartRefused(
                "wrong_chart", "The EHR put this into another patient's chart or visit.", "Tell your administrator now."
            )

    def _read(self, resource_type: str, resource_id: str) -> tuple[Resource, str | None]:
        access = self._line.access()
        answer = self._line.fhir("GET", f"{resource_type}/{_checked_id(resource_id)}")
        if answer.status in {404, 410}:
            raise ChartRefused("gone", f"The {resource_type} is not in the chart.", "Look in the chart.")
        self._answers.refuse_unknown(answer)
        self._answers.check(answer, access, resource_type, "read")
        theirs = _body(answer, resource_type)
        if theirs is None:
            raise ChartRefused("not_fhir", "The EHR's answer is not FHIR.", _ASK_ADMIN)
        return theirs, _etag(answer, theirs)

    def _bundle(self, url: str, resource_type: str) -> Resource:
        access = self._line.access()
        answer = self._line.fhir("GET", url)
        self._answers.refuse_unknown(answer)
        self._answers.check(answer, access, resource_type, "search-type")
        bundle = _body(answer, "Bundle")
        if bundle is None:
            raise ChartRefused("not_fhir", "The EHR's answer is not FHIR.", _ASK_ADMIN)
        return bundle


def _may_be_done(error: ChartUnreachable | ChartRefused) -> bool:
    """Say whether a write that ended so may have happened; after 429 nothing was done, so nothing is searched for."""
    return error.code != BUSY if isinstance(error, ChartUnreachable) else error.code in UNREADABLE


def _check_kept(theirs: Resource, ours: Resource) -> None:
    if elements := contradictions(ours, theirs):
        raise ChartRefused(
            "altered",
            f"The EHR keeps something else than what it was sent ({', '.join(elements)}).",
            "Look into the chart, and tell your administrator: this EHR must not change what is filed.",
        )


def _body(answer: HttpAnswer, resource_type: str) -> Resource | None:
    found = answer.fields()
    return found if found.get("resourceType") == resource_type else None


def _entries(bundle: Resource, resource_type: str) -> list[Resource]:
    resources = [entry.get("resource") for entry in bundle.get("entry") or [] if isinstance(entry, dict)]
    return [found for found in resources if isinstance(found, dict) and found.get("resourceType") == resource_type]


def _etag(answer: HttpAnswer, theirs: Resource | None) -> str | None:
    if etag := answer.headers.get("etag"):
        return etag
    version = ((theirs or {}).get("meta") or {}).get("versionId")
    return f'W/"{version}"' if version else None


def _new_id(answer: HttpAnswer, theirs: Resource | None, kind: str) -> str:
    """Return the id of what was created; of a Location only the id is used, never the address."""
    location = answer.headers.get("location", "")
    match = re.search(rf"(?:^|/){re.escape(kind)}/({FHIR_ID.pattern})(?:/_history/[^/]+)?/?$", location)
    return _checked_id(match[1] if match else (theirs or {}).get("id"))


def _checked_id(value: Any) -> str:
    if not isinstance(value, str) or not FHIR_ID.fullmatch(value) or value in {".", ".."}:
        raise ChartRefused("no_id", "The EHR gave no usable id.", _ASK_ADMIN)
    return value
