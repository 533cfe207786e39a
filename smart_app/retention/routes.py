"""Receipts as pages: a session's for its clinician, all of them for an administrator, each to be taken along (B03)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, render_template, request

from smart_app.ports import Clock
from smart_app.retention import receipts
from smart_app.retention.receipts import Signer
from smart_app.store import audit_lines, visits
from smart_app.store import receipts as rows
from smart_app.store.database import Database, Db
from smart_app.store.tables import Receipt, TelehealthSession
from smart_app.web.policy import Who, allow, person

PAGE_RECEIPTS = 50
CAUSES = {
    "signed": "the note was signed",
    "after-drafting": "the summary was made",
    "deadline": "its time was over",
    "withdrawn": "consent was withdrawn",
    "erasure-request": "a client asked the clinic to erase it",
    "closed": "Chartside was uninstalled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A receipt as a page shows it."""

    id: str
    number: int
    session_id: str
    is_withdrawal: bool
    done_at: datetime
    cause: str
    pieces: int
    record: str
    """The signed record: body and signature as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    db: Database
    clock: Clock
    signer: Signer

    @allow(Who.CLINICIAN)
    def of_session(self, session_id: str) -> str:
        """Show the receipts of one of the clinician's own sessions."""
        with self.db.begin() as db:
            session = self._session(db, session_id)
            found = [_shown(row) for row in rows.of_session(db, session.id)]
            self._note(db, "receipt.read", session.id)
        # Counted in this session: the chain's own numbers count other people's too.
        numbered = list(enumerate(found, start=1))
        return render_template(
            "retention/receipts.html",
            person=person(),
            session=session,
            receipts=numbered,
            public_key=self.signer.public_key,
        )

    @allow(Who.CLINICIAN)
    def of_session_as_json(self, session_id: str) -> Response:
        """Return them as `chartside verify` reads them."""
        with self.db.begin() as db:
            session = self._session(db, session_id)
            found = [_record(row) for row in rows.of_session(db, session.id)]
            self._note(db, "receipt.exported", session.id)
        return _download(json.dumps({"receipts": found}, indent=1), "receipts.json", "application/json")

    @allow(Who.ADMIN)
    def page(self) -> str:
        """Show all receipts of the administrator's EHR, newest first."""
        before = _before()
        with self.db.read() as db:
            found = rows.page(db, person().iss, before=before, size=PAGE_RECEIPTS + 1)
            count, _ = rows.last(db)
        shown = [_shown(row) for row in found[:PAGE_RECEIPTS]]
        return render_template(
            "retention/all_receipts.html",
            person=person(),
            receipts=shown,
            count=count,
            older=shown[-1].number if len(found) > PAGE_RECEIPTS else None,
            is_newest=before is None,
            public_key=self.signer.public_key,
        )

    @allow(Who.ADMIN)
    def all_of_them(self) -> Response:
        """Return the whole chain and a signed statement of its end; opened are the places of the own EHR's receipts.

        The others are links of the chain, which cannot be checked without them.
        """
        with self.db.begin() as db:
            own = rows.numbers(db, person().iss)
            lines = [
                _record(row) | ({"number": row.number, "opening": row.opening} if row.number in own else {})
                for row in rows.in_order(db)
            ]
            end = receipts.head_of(db, self.signer, at=self.clock.now())
            self._note(db, "receipt.exported", "site")
        body = "".join(json.dumps(each, sort_keys=True) + "\n" for each in [*lines, end])
        return _download(body, "receipts.jsonl", "application/x-ndjson")

    def _session(self, db: Db, session_id: str) -> TelehealthSession:
        who = person()
        return visits.find(db, session_id, iss=who.iss, clinician_id=who.clinician_id, patient_id=who.patient_id)

    def _note(self, db: Db, action: str, subject: str) -> None:
        audit_lines.append(db, at=self.clock.now(), actor=person().fhir_user, action=action, subject=subject)


def _record(row: Receipt) -> dict[str, Any]:
    return {"id": row.id, "body": json.loads(row.body), "signature": row.signature}


def _shown(row: Receipt) -> Shown:
    body = json.loads(row.body)
    return Shown(
        id=row.id,
        number=row.number,
        session_id=row.session_id,
        is_withdrawal=row.consent_id is not None,
        done_at=datetime.fromisoformat(body.get("erased_at") or body["finished_at"]),
        cause=CAUSES.get(body.get("cause", ""), ""),
        pieces=len(body.get("items", ())),
        record=json.dumps({"body": body, "signature": row.signature}, indent=1),
    )


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _download(body: str, name: str, kind: str) -> Response:
    return Response(body, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def blueprint(*, db: Database, clock: Clock, signer: Signer) -> Blueprint:
    """Return the routes of receipts."""
    room = Blueprint("retention", __name__)
    view = _Pages(db=db, clock=clock, signer=signer)
    room.get("/sessions/<session_id>/receipts")(view.of_session)
    room.get("/sessions/<session_id>/receipts.json")(view.of_session_as_json)
    room.get("/admin/receipts")(view.page)
    room.get("/admin/receipts.jsonl")(view.all_of_them)
    return room
