"""The client's own copy for 30 days (B15, decision 18), over HTTP: no login, the link's token is the proof.

The token stands in the fragment of the link, so that no log and no referrer ever has it; the page sends it by POST, and
before that the page names nobody.
"""

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from smart_app.consent import given, screen
from smart_app.errors import Expired
from smart_app.ports import Clock
from smart_app.session import LIVE, State
from smart_app.store import consents, notes, participants, receipts, sessions
from smart_app.store.database import Database, Db
from smart_app.store.sealed import token_hash
from smart_app.store.tables import Participant, Receipt, Recording, RecordingConsent
from smart_app.web.policy import Who, allow

ANSWERS = {"asked": "asked", "active": "agreed", "rejected": "declined", "inactive": "withdrawn"}
COPY_LIMIT = "20 per minute"


def copy_owner(db: Db, token: str, clock: Clock) -> Participant:
    """Return whose 30-day link this token is. Raises Expired, for an unknown token too."""
    row = participants.by_copy_link(db, token_hash(token), now=clock.now())
    if row is None:
        raise Expired("copy_link_over", "This link is no longer valid.", "Ask your clinician for your copy.")
    return row


def _copy_of(row: RecordingConsent) -> dict[str, Any]:
    return {
        "status": consents.taken_back(row) or ANSWERS[row.status],
        "title": screen.text(row.text_version, row.language).title,
        "text_html": row.screen_html,
        "language": row.language,
        "asked_at": row.asked_at.isoformat(),
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        "withdrawn_at": row.withdrawn_at.isoformat() if row.withdrawn_at else None,
        "text_version": row.text_version,
    }


def _receipt_of(number: int, row: Receipt, recorded: list[Recording]) -> dict[str, Any]:
    # Counted in this session; the signed body has its place in the site's chain, without which it proves less.
    known = {"id": row.id, "number": number, "body": json.loads(row.body), "signature": row.signature}
    return known | receipts.span_of(row, recorded)


def _erased_by(recorded: list[Recording]) -> str | None:
    """Return when the last of what is still kept is gone, the moment that the clinician sees; None for nothing kept."""
    kept = [row.erase_due_at for row in recorded if row.erased_at is None]
    return max(kept).isoformat() if kept else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    db: Database
    clock: Clock

    @allow(Who.COPY_LINK)
    def copy_page(self) -> str:
        """Show the empty page of the 30-day link; its token is in the fragment and comes by POST."""
        return render_template("copy.html")

    @allow(Who.COPY_LINK)
    def copy(self) -> Response:
        """Return the participant's consents as shown and answered, and the receipts (B15)."""
        body = given.fields(request.get_json(silent=True))
        with self.db.read() as db:
            me = copy_owner(db, given.text(body, "token"), self.clock)
            rows = [row for row in consents.of_participant(db, me.id) if row.status != "void"]
            session = sessions.find(db, me.session_id)
            own = {None, *(row.id for row in rows)}  # what another participant withdrew is theirs to know
            erased = [row for row in receipts.of_session(db, me.session_id) if row.consent_id in own]
            recorded = receipts.recordings_of(db, me.session_id)
            is_signed = any(each.status in notes.SIGNED for each in notes.of_sessions(db, [me.session_id]))
        state = "open" if session.state in LIVE else State(session.state).value
        return jsonify(
            consents=[_copy_of(row) for row in rows],
            receipts=[_receipt_of(number, row, recorded) for number, row in enumerate(erased, start=1)],
            can_withdraw=any(consents.is_live(row) for row in rows),
            session_state=state,
            was_recorded=bool(recorded),
            erased_by=_erased_by(recorded),
            has_signed_note=is_signed,
            expires_at=me.copy_link_expires_at.isoformat() if me.copy_link_expires_at else None,
        )


def serve(room: Blueprint, *, db: Database, clock: Clock, limiter: Limiter) -> None:
    """Add the routes of the 30-day link; withdrawing by it is the recording room's."""
    view = _Copy(db=db, clock=clock)
    room.get("/copy")(view.copy_page)
    room.post("/copy")(limiter.limit(COPY_LIMIT)(view.copy))
