"""Text files in a stock OpenEMR chart: uploaded once, found again by their hash, read back through FHIR (ehr.md 3).

The upload answers 200 `true` for a file that it kept, lost under patient 0 or put into no category, so only a list by
the patient's number that holds the hash counts, and the file's bytes as FHIR clients get them.
"""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import quote, urlencode

from fhir_mappings.scopes import scope_allows
from smart_app.chart.answers import BUSY, Answers
from smart_app.chart.fhir_r4 import FhirR4Chart
from smart_app.chart.http import Upload
from smart_app.chart.line import Line
from smart_app.chart.resources import encounters_of, patients_of
from smart_app.errors import ChartRefused, ChartUnreachable
from smart_app.ports import Access, Filed, HttpAnswer, Resource

CATEGORY = "/Medical_Record"
"""A blank in it would lose the file: 200 `true`, in no category."""
DOCUMENT = "document"
WAY = "document"
_MOST_CANDIDATES = 20
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ADMIN = "Tell your administrator."


class Documents:
    """The files of one launch's patient."""

    def __init__(self, *, line: Line, answers: Answers, fhir: FhirR4Chart) -> None:
        self._line = line
        self._answers = answers
        self._fhir = fhir
        self._pid = ""

    def put(self, text: str, name: str, ours: Resource) -> Filed:
        """Have the text in the chart exactly once; `ours` says whose chart and which visit it belongs to.

        Raises ChartRefused "lost" when OpenEMR took it and does not have it, "wrong_chart" when it is elsewhere.
        """
        access, content = self._line.access(), text.encode()
        self._answers.demand(DOCUMENT, "create")
        pid = self.pid(access, ours)
        id_ = self._there(pid, content, ours, access) or self._upload(pid, name, content, ours, access)
        return Filed(resource_type="DocumentReference", id=id_, etag=None, way=WAY)

    def pid(self, access: Access, ours: Resource) -> str:
        """Return the number of the launch's patient. Raises ChartRefused for a resource of another one."""
        uuid = access.patient_id
        if patients_of(ours, access.base) != {f"Patient/{uuid}"}:
            raise ChartRefused(
                "other_chart", "This login is for another patient's chart.", "Open Chartside from this patient's chart."
            )
        if not self._pid:
            row = self._row(f"patient/{quote(uuid, safe='')}", access, "patient")
            if row.get("uuid") not in (None, uuid):
                raise ChartRefused("wrong_chart", "The EHR answered with another patient.", _ADMIN)
            self._pid = _number(row.get("pid"))
        return self._pid

    def eid(self, access: Access, ours: Resource) -> str:
        """Return the number of the visit; empty where this login may not ask (stock OpenEMR: group Clinicians)."""
        visits = [each.removeprefix("Encounter/") for each in encounters_of(ours, access.base)]
        is_allowed = scope_allows(access.scope, "encounter", "read") and not self._answers.is_off("encounter", "read")
        if len(visits) != 1 or not is_allowed:
            return ""
        path = f"patient/{quote(access.patient_id, safe='')}/encounter/{quote(visits[0], safe='')}"
        answer = self._line.api("GET", path)
        self._answers.refuse_unknown(answer)
        if answer.status == 403:
            self._answers.switch_off("encounter", "read", status=403, is_for_this_login=True)
        if answer.status != 200:
            return ""
        row = _data(answer)
        if str(row.get("pid", self._pid)) != self._pid:
            raise ChartRefused("wrong_chart", "The visit is in another patient's chart.", _ADMIN)
        return str(row["eid"]) if str(row.get("eid", "")).isdecimal() else ""

    def _upload(self, pid: str, name: str, content: bytes, ours: Resource, access: Access) -> str:
        eid = self.eid(access, ours)
        query = urlencode({"path": CATEGORY, **({"eid": eid} if eid else {})}, safe="/")
        file = Upload(field="document", name=name, content=content, content_type="text/plain")
        try:
            answer = self._line.api("POST", f"patient/{pid}/document?{query}", upload=file)
            self._answers.refuse_unknown(answer)
        except ChartUnreachable as error:
            # The file may be there although the answer was lost.
            if error.code == BUSY or not (id_ := self._there(pid, content, ours, access)):
                raise
            return id_
        self._answers.check(answer, access, DOCUMENT, "create", ours)
        id_ = self._there(pid, content, ours, access)
        if not id_:
            raise ChartRefused(
                "lost",
                "OpenEMR said that it took the document, and does not have it.",
                "Copy the text into the chart, and tell your administrator.",
            )
        return id_

    def _there(self, pid: str, content: bytes, ours: Resource, access: Access) -> str:
        """Return the id of a file with these very bytes: that of FHIR clients where they find it; empty: none is there.

        OpenEMR words an empty list as 404, and so does whatever stands before it: then FHIR is asked too.
        """
        rows, digest = self._listed(pid, access), hashlib.sha3_512(content).hexdigest()
        row = next((each for each in rows or () if each.get("hash") == digest), None)
        if row is None and rows is not None:
            return ""
        day = str(row.get("docdate", ""))[:10] if row else ""
        found = self._as_fhir(day, content, ours, access) if row is None or _DAY.fullmatch(day) else ""
        return found or (f"document-{_number(row.get('id'))}" if row else "")

    def _listed(self, pid: str, access: Access) -> list[dict[str, Any]] | None:
        """Return the patient's files of our category; None where the answer may mean that there are none."""
        answer = self._line.api("GET", f"patient/{pid}/document?path={CATEGORY}")
        self._answers.refuse_unknown(answer)
        if answer.status == 404:
            return None
        self._answers.check(answer, access, DOCUMENT, "search-type")
        return answer.rows()

    def _as_fhir(self, day: str, content: bytes, ours: Resource, access: Access) -> str:
        """Return the id under which FHIR clients find the file; empty where this login may not read it so.

        `day` is when it was filed; empty: it is not known. Raises ChartRefused "wrong_chart" when it stands in another
        visit.
        """
        may_read = all(
            scope_allows(access.scope, kind, operation)
            for kind, operation in (("DocumentReference", "search-type"), ("Binary", "read"))
        )
        if not may_read:
            return ""
        when = {"date": day} if day else {}
        try:
            found = self._fhir.find("DocumentReference", {"patient": access.patient_id, **when})
        except ChartRefused:
            return ""
        for theirs in found[-_MOST_CANDIDATES:]:
            if self._holds(theirs, content):
                visits = encounters_of(theirs, access.base)
                if visits and visits != encounters_of(ours, access.base):
                    raise ChartRefused(
                        "wrong_chart", "OpenEMR put the document into another visit.", "Tell your administrator now."
                    )
                return str(theirs.get("id", ""))
        return ""

    def _holds(self, theirs: Resource, content: bytes) -> bool:
        """Say whether the bytes behind a DocumentReference are these."""
        attachments = [each.get("attachment") or {} for each in theirs.get("content") or () if isinstance(each, dict)]
        for attachment in attachments:
            url = attachment.get("url")
            if isinstance(url, str) and str(attachment.get("contentType", "")).startswith("text/plain"):
                try:
                    answer = self._line.fhir("GET", url)
                except ChartRefused:
                    continue  # an address at another server: never called
                if answer.status == 200 and _bytes(answer) == content:
                    return True
        return False

    def _row(self, path: str, access: Access, kind: str) -> dict[str, Any]:
        answer = self._line.api("GET", path)
        self._answers.refuse_unknown(answer)
        self._answers.check(answer, access, kind, "read")
        return _data(answer)


def _data(answer: HttpAnswer) -> dict[str, Any]:
    """Return the one row in the standard API's envelope."""
    row = answer.fields().get("data")
    row = row[0] if isinstance(row, list) and len(row) == 1 else row
    return row if isinstance(row, dict) else {}


def _number(value: Any) -> str:
    """Return a row's number. A uuid in its place would lose the file under patient 0."""
    text = str(value)
    if not text.isdecimal():
        raise ChartRefused("no_id", "OpenEMR gave no usable number.", _ADMIN)
    return text


def _bytes(answer: HttpAnswer) -> bytes:
    """Return what a Binary holds, whether it came as FHIR or as it is."""
    found = answer.fields()
    if found.get("resourceType") == "Binary":
        try:
            return base64.b64decode(str(found.get("data", "")), validate=True)
        except ValueError:
            return b""
    return answer.body
