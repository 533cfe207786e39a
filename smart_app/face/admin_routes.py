"""The administrators' page of FHIR clients: who may read Chartside's own FHIR face, and an end to it.

An administrator lets in to the patients of their own EHR alone; clients for every EHR are the server command's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from smart_app.config import Settings
from smart_app.errors import BadInput, NotFound
from smart_app.face import answers, roster
from smart_app.face.clients import registration
from smart_app.ports import Clock
from smart_app.store import face
from smart_app.store.database import Database
from smart_app.web.policy import Who, allow, person

_FIELD_OF = {"bad_name": "name", "name_taken": "name", "bad_scope": "scope"}
"""The field that a refusal is about; every other one is about the keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Typed:
    """The form as it is shown: what was typed, and why it was refused."""

    name: str = ""
    scopes: Sequence[str] = ()
    jwks_uri: str = ""
    jwks: str = ""
    refused: BadInput | None = None

    @property
    def field(self) -> str:
        """Return the field that the refusal is about; empty when nothing was refused."""
        return _FIELD_OF.get(self.refused.code, "jwks") if self.refused else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clients:
    db: Database
    clock: Clock
    settings: Settings

    def _within(self) -> set[str]:
        """Return the EHRs ("" is every one) whose clients are this administrator's to end."""
        return {person().iss} | ({""} if len(self.settings.ehrs) == 1 else set())

    @allow(Who.ADMIN)
    def page(self) -> str:
        """Show every client that may read this EHR's patients, and the form for one more."""
        return self._page(_Typed())

    def _page(self, typed: _Typed) -> str:
        own = person().iss
        with self.db.read() as db:
            clients = [each for each in face.clients(db) if each.iss in {own, ""}]
        return render_template(
            "face/clients.html",
            person=person(),
            clients=clients,
            typed=typed,
            scopes=answers.SCOPES,
            within=self._within(),
            base=f"{self.settings.base_url}/fhir",
        )

    @allow(Who.ADMIN)
    def add(self) -> Response | tuple[str, int]:
        """Register a client by its public keys; a form that is refused comes back as it was typed."""
        form, scopes = request.form.to_dict() | {"iss": person().iss}, request.form.getlist("scope")
        try:
            checked = registration(
                form,
                scopes,
                ehrs=frozenset(each.iss for each in self.settings.ehrs),
                is_loopback_dev=self.settings.is_loopback_dev,
            )
            with self.db.begin() as db:
                roster.add(db, checked, actor=person().fhir_user, at=self.clock.now())
        except BadInput as refused:
            typed = _Typed(
                name=form.get("name", ""),
                scopes=scopes,
                jwks_uri=form.get("jwks_uri", ""),
                # A private key is not sent over the wire a second time.
                jwks="" if refused.code == "private_key" else form.get("jwks", ""),
                refused=refused,
            )
            return self._page(typed), refused.status
        return redirect("/admin/fhir-clients", 303)

    @allow(Who.ADMIN)
    def revoke(self, client_id: str) -> Response:
        """End a client's access, and every token it has, now."""
        with self.db.begin() as db:
            known = face.client(db, client_id)
            if known is None or known.iss not in self._within():
                raise NotFound(*roster.NO_SUCH_CLIENT)
            roster.revoke(db, client_id, actor=person().fhir_user, at=self.clock.now())
        return redirect("/admin/fhir-clients", 303)


def blueprint(*, db: Database, clock: Clock, settings: Settings) -> Blueprint:
    """Return the administrators' routes of the face."""
    room = Blueprint("face_admin", __name__)
    view = _Clients(db=db, clock=clock, settings=settings)
    room.get("/admin/fhir-clients")(view.page)
    room.post("/admin/fhir-clients")(view.add)
    room.post("/admin/fhir-clients/<client_id>/revoke")(view.revoke)
    return room
