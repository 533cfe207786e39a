"""The administrators' pages of one client's record: what is held, to hand out, and an erasure request.

The patient's id goes by POST, so that it stands in no address and no access log. An administrator sees figures, dates
and ids; the texts of notes and consents are in the files for the client alone. Sound and transcripts are in neither.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template, request

from smart_app.errors import BadInput, NotFound
from smart_app.export import fhir
from smart_app.export.erasure import Plan
from smart_app.export.record import Client
from smart_app.export.service import Records
from smart_app.web.policy import Who, allow, person

_MOST_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    records: Records

    @allow(Who.ADMIN)
    def form(self) -> str:
        """Ask for whose record."""
        return _form()

    @allow(Who.ADMIN)
    def look(self) -> str | tuple[str, int]:
        """Say what is held on the client; an id that names nobody comes back with the reason."""
        try:
            client = self._client()
        except (BadInput, NotFound) as refused:
            return _form(typed=_typed("patient"), refused=refused), refused.status
        found = self.records.look(client, actor=person().fhir_user)
        return self._page("export/client.html", client, record=found)

    @allow(Who.ADMIN)
    def as_fhir(self) -> Response:
        """Hand the record out as FHIR."""
        client = self._client()
        rows = self.records.as_fhir(client, actor=person().fhir_user)
        return _download(b"".join(rows), fhir.file_name(client, "ndjson"), "application/fhir+ndjson")

    @allow(Who.ADMIN)
    def as_page(self) -> Response:
        """Hand the record out as a page that stands alone."""
        client = self._client()
        page = self.records.as_page(client, actor=person().fhir_user)
        return _download(page.encode(), fhir.file_name(client, "html"), "text/html; charset=utf-8")

    @allow(Who.ADMIN)
    def plan(self) -> str:
        """Show what an erasure request would erase, what it keeps and why; nothing is erased yet."""
        client = self._client()
        return self._page("export/erasure.html", client, plan=self._plan(client), wrong=None)

    @allow(Who.ADMIN)
    def erase(self) -> str | tuple[str, int]:
        """Erase what was shown, once the id was typed again."""
        client = self._client()
        if not _typed("code"):
            raise BadInput("no_code", "Nothing says what was shown.", "Look at what a request would erase first.")
        if _typed("again").removeprefix("Patient/") != client.patient_id:
            wrong = BadInput(
                "not_confirmed", "The id was not typed as it stands above, so nothing was erased.", "Type it again."
            )
            return self._page("export/erasure.html", client, plan=self._plan(client), wrong=wrong), wrong.status
        done = self.records.erase(client, _typed("code"), actor=person().fhir_user)
        return self._page("export/erased.html", client, done=done)

    def _plan(self, client: Client) -> Plan:
        return self.records.plan(client, actor=person().fhir_user)

    def _client(self) -> Client:
        return self.records.find(_typed("patient"), person().iss)

    def _page(self, template: str, client: Client, **facts: Any) -> str:
        return render_template(template, person=person(), client=client, ehr=self.records.ehr_name(client), **facts)


def _form(*, typed: str = "", refused: BadInput | NotFound | None = None) -> str:
    return render_template("export/form.html", person=person(), typed=typed, refused=refused)


def _typed(name: str) -> str:
    return request.form.get(name, "").strip()[:_MOST_CHARS]


def _download(body: bytes, name: str, kind: str) -> Response:
    return Response(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def blueprint(*, records: Records) -> Blueprint:
    """Return the administrators' routes of a client's record."""
    room = Blueprint("export", __name__)
    view = _Pages(records=records)
    room.get("/admin/client")(view.form)
    room.post("/admin/client")(view.look)
    room.post("/admin/client/record.ndjson")(view.as_fhir)
    room.post("/admin/client/record.html")(view.as_page)
    room.post("/admin/client/erasure")(view.plan)
    room.post("/admin/client/erasure/confirm")(view.erase)
    return room
