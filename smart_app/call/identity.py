"""Join links and the cookies they give: a link lets a browser in, the clinician admits the person (T03)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import segno

from smart_app.config import Settings
from smart_app.consent import stopping
from smart_app.errors import BadInput, Expired, NotFound
from smart_app.ports import Person
from smart_app.session import LIVE
from smart_app.store import audit_lines, participants, sessions
from smart_app.store.database import Db
from smart_app.store.sealed import token_hash
from smart_app.store.tables import Participant, TelehealthSession
from smart_app.web import language

MOST_INVITED = 12
_TOKEN_BYTES = 32
_LINK_OVER = (
    "This link may be used up or too old.",
    "Open the whole link as it was sent. Ask your clinician for a new link.",
)


def cookie_name(settings: Settings) -> str:
    """Return the name of the participant's cookie; the `__Host-` prefix needs https."""
    return "chartside-room" if settings.is_loopback_dev else "__Host-chartside-room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A join link as the clinician gets it; its token is nowhere else."""

    participant_id: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Who came in by a link, and the fresh cookie of their browser."""

    session_id: str
    participant_id: str
    cookie: str


def _fresh_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def check_live(session: TelehealthSession) -> None:
    """Raise Expired when the session is over."""
    if session.state not in LIVE:
        raise Expired("session_over", "This session is over.", "Start a new session from the chart.")


def invite(db: Db, session: TelehealthSession, *, lasts: timedelta, actor: str, at: datetime) -> Invitation:
    """Make a join link for one more person. Raises BadInput beyond twelve, Expired when the session is over."""
    check_live(session)
    if sum(not row.is_clinician and row.link_hash is not None for row in participants.of_session(db, session.id)) >= (
        MOST_INVITED
    ):
        raise BadInput("too_many", "There are twelve invitations already.", "Take one of them back first.")
    token, expires_at = _fresh_token(), at + lasts
    row = participants.invite(db, session.id, link_hash=token_hash(token), expires_at=expires_at)
    audit_lines.append(db, at=at, actor=actor, action="invitation.make", subject=row.id, detail={"session": session.id})
    return Invitation(participant_id=row.id, token=token, expires_at=expires_at)


def join(db: Db, token: str, *, cookie: str, at: datetime) -> Joined:
    """Let a browser in by a join link and give it a cookie; the clinician still has to admit the person.

    The same browser comes back as who it was. Another browser is refused while the first is connected; later it
    comes in as somebody new, because a link proves nobody's identity. Raises NotFound or Expired, in the same words.
    """
    row = participants.by_link(db, token_hash(token))
    if row is None:
        raise NotFound("unknown_link", *_LINK_OVER)
    session = sessions.find(db, row.session_id, for_update=True)
    is_over = row.link_expires_at is None or row.link_expires_at <= at or session.state not in LIVE
    if is_over or row.link_revoked_at is not None:
        raise Expired("link_over", *_LINK_OVER)
    known = token_hash(cookie) if cookie else ""
    if row.cookie_hash is not None and row.cookie_hash != known:
        # Somebody in the clinician's room has a place of their own there: nobody stands in for them.
        if row.is_in_person or participants.is_connected(row, at):
            raise Expired("link_in_use", *_LINK_OVER)
        gone, row = row, participants.stand_in(db, row, at=at)
        # Their question would wait for an answer that nobody can give any more.
        stopping.let_go(db, session, gone.id, actor=gone.id, at=at)
    fresh = _fresh_token()
    if known:
        # One browser may be in several sessions; a cookie of ours is replaced in all of them, never taken over as is.
        participants.change_cookie(db, known, token_hash(fresh))
    row.cookie_hash = token_hash(fresh)
    if row.admitted_at is None:
        row.seen_at = at
    # Somebody admitted is here again with their first poll, which looks at their consent (presence.heartbeat).
    db.flush()
    return Joined(session_id=row.session_id, participant_id=row.id, cookie=fresh)


def lend_phone_link(db: Db, row: Participant, *, lasts: timedelta, actor: str, at: datetime) -> Invitation:
    """Make a link by which somebody in the clinician's room answers on their own phone; an earlier one ends."""
    token, expires_at = _fresh_token(), at + lasts
    row.link_hash, row.link_expires_at, row.cookie_hash = token_hash(token), expires_at, None
    db.flush()
    audit_lines.append(
        db, at=at, actor=actor, action="invitation.make", subject=row.id, detail={"session": row.session_id}
    )
    return Invitation(participant_id=row.id, token=token, expires_at=expires_at)


def qr_code(link: str) -> str:
    """Return the link as a QR code: an SVG in a data URI, black on white with its quiet zone."""
    return str(segno.make(link, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff"))


def message(link: str, spoken: str) -> dict[str, str]:
    """Return what the clinician sends from a mail or text program of their own, in the client's language."""
    line = language.translate("Here is the link to our session. It is for you only:", spoken)
    return {"subject": language.translate("Your session", spoken), "body": f"{line}\n{link}"}


def shut_out(db: Db, row: Participant, *, at: datetime) -> None:
    """Take back a link and sign its browser out: revoked, or turned away."""
    row.link_revoked_at = row.link_revoked_at or at
    row.cookie_hash = None
    row.left_at = row.left_at or at
    db.flush()


def of_clinicians_session(
    db: Db, person: Person, session_id: str, participant_id: str
) -> tuple[TelehealthSession, Participant]:
    """Return a session of the clinician, locked, and somebody of it. Raises NotFound for anybody else's."""
    session = sessions.of_person(db, session_id, person, for_update=True)
    return session, participants.find(db, session.id, participant_id)


def by_token(db: Db, token: str) -> Participant | None:
    """Return whom a join link's token was made for."""
    return participants.by_link(db, token_hash(token))
