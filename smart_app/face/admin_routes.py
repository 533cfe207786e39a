"""The administrators' page of FHIR clients: who may read Chartside's own FHIR face, and an end to it."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from smart_app.config import Settings
from smart_app.errors import NotFound
from smart_app.face import answers
from smart_app.face.clients import registration
from smart_app.ports import Clock
from smart_app.store import audit_lines, face
from smart_app.store.database import Database, new_id
from smart_app.store.ehr_tables import FhirClient
from smart_app.web.policy import Who, allow, person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clients:
    db: Database
    clock: Clock
    settings: Settings

    @allow(Who.ADMIN)
    def page(self) -> str:
        """Show every client, and the form for one more."""
        with self.db.read() as db:
            clients = face.clients(db)
        return render_template(
            "face/clients.html",
            person=person(),
            clients=clients,
            scopes=answers.SCOPES,
            ehrs=self.settings.ehrs,
            base=f"{self.settings.base_url}/fhir",
        )

    @allow(Who.ADMIN)
    def add(self) -> Response:
        """Register a client by its public keys."""
        checked = registration(
            request.form,
            request.form.getlist("scope"),
            ehrs=frozenset(each.iss for each in self.settings.ehrs),
            is_loopback_dev=self.settings.is_loopback_dev,
        )
        who, now, client_id = person(), self.clock.now(), new_id()
        row = FhirClient(
            client_id=client_id,
            name=checked.name,
            jwks=checked.jwks,
            jwks_uri=checked.jwks_uri,
            scope=checked.scope,
            iss=checked.iss,
            created_by=who.fhir_user,
            created_at=now,
        )
        with self.db.begin() as db:
            face.add_client(db, row)
            detail = {"scope": checked.scope, "iss": checked.iss}
            audit_lines.append(
                db, at=now, actor=who.fhir_user, action="fhir-client.added", subject=client_id, detail=detail
            )
        return redirect("/admin/fhir-clients", 303)

    @allow(Who.ADMIN)
    def revoke(self, client_id: str) -> Response:
        """End a client's access, and every token it has, now."""
        who, now = person(), self.clock.now()
        with self.db.begin() as db:
            if not face.revoke(db, client_id, at=now):
                raise NotFound("no_such_client", "There is no such client, or it was revoked.", "Reload the page.")
            # It ends access, so it is never refused for want of a line.
            audit_lines.append_if_possible(
                db, at=now, actor=who.fhir_user, action="fhir-client.revoked", subject=client_id
            )
        return redirect("/admin/fhir-clients", 303)


def blueprint(*, db: Database, clock: Clock, settings: Settings) -> Blueprint:
    """Return the administrators' routes of the face."""
    room = Blueprint("face_admin", __name__)
    view = _Clients(db=db, clock=clock, settings=settings)
    room.get("/admin/fhir-clients")(view.page)
    room.post("/admin/fhir-clients")(view.add)
    room.post("/admin/fhir-clients/<client_id>/revoke")(view.revoke)
    return room
