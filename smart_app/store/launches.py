"""Launches on their way, the grants they end in, and the signed-in browsers: every secret hashed or sealed."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_, select, update

from fhir_mappings.ways import APP
from smart_app.ports import PatientFacts
from smart_app.store.database import Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import BrowserSession, Clinician, EhrGrant, Filing, Launch, Participant, TelehealthSession

_KEPT = timedelta(days=1)
"""How long a used or abandoned launch is kept, so that a replay is told from a stranger."""
_SAME_VISIT = timedelta(hours=24)

# Every poll asks these; putting such a query together costs as much as running it, so it is done once.
_SIGNED_IN = (
    select(BrowserSession, Clinician, EhrGrant)
    .join(Clinician, BrowserSession.clinician_id == Clinician.id)
    .join(EhrGrant, BrowserSession.ehr_grant_id == EhrGrant.id)
    .where(
        BrowserSession.cookie_hash == bindparam("cookie_hash"),
        BrowserSession.expires_at > bindparam("now"),
        BrowserSession.seen_at > bindparam("idle_since"),
    )
)
_CLINICIANS_SESSION = (
    select(TelehealthSession, Participant)
    .join(Participant, Participant.session_id == TelehealthSession.id)
    .where(TelehealthSession.id == bindparam("session_id"), Participant.is_clinician.is_(True))
)


def forget_old(db: Db, *, now: datetime) -> None:
    """Delete launches of more than a day ago and browser sessions that are over."""
    db.execute(delete(Launch).where(Launch.created_at < now - _KEPT))
    db.execute(delete(BrowserSession).where(BrowserSession.expires_at < now))


def add_framed(db: Db, *, iss: str, launch: str, ticket_hash: str, now: datetime) -> None:
    """Keep a launch that waits for its click in a frame."""
    db.add(Launch(iss=iss, launch=launch, ticket_hash=ticket_hash, created_at=now))


def take_ticket(db: Db, ticket_hash: str, *, now: datetime, lifetime: timedelta) -> Launch | None:
    """Use a ticket up and return its launch; None when it is unknown, used or too old."""
    row = db.scalar(
        update(Launch)
        .where(Launch.ticket_hash == ticket_hash, Launch.created_at > now - lifetime)
        .values(ticket_hash=None)
        .returning(Launch)
        .execution_options(synchronize_session=False)
    )
    return row


def add_authorising(
    db: Db,
    *,
    id_: str,
    iss: str,
    launch: str | None,
    state_hash: str,
    browser_hash: str,
    secrets_sealed: bytes,
    now: datetime,
) -> None:
    """Keep a launch whose browser is sent to the EHR's authorization page; without a launch id a standalone one."""
    db.add(
        Launch(
            id=id_,
            iss=iss,
            launch=launch,
            state_hash=state_hash,
            browser_hash=browser_hash,
            secrets_sealed=secrets_sealed,
            created_at=now,
            authorised_at=now,
        )
    )


def find_by_state(db: Db, state_hash: str) -> Launch | None:
    """Return the launch of a state."""
    return db.scalar(select(Launch).where(Launch.state_hash == state_hash))


def use_up(db: Db, launch_id: str, *, now: datetime) -> bool:
    """Mark a launch as used, and forget its secrets. False: another callback was first."""
    used = db.execute(
        update(Launch)
        .where(Launch.id == launch_id, Launch.used_at.is_(None))
        .values(used_at=now, secrets_sealed=None)
        .execution_options(synchronize_session=False)
    )
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]


# --- grants ---------------------------------------------------------------------------------------------------------


def find_grant(db: Db, grant_id: str) -> EhrGrant | None:
    """Return the grant of a launch."""
    return db.get(EhrGrant, grant_id)


def drop_grant(db: Db, grant_id: str) -> None:
    """Delete a grant that no browser session came of."""
    db.execute(delete(EhrGrant).where(EhrGrant.id == grant_id))


def lease_refresh(db: Db, grant_id: str, *, now: datetime, until_at: datetime) -> bool:
    """Become the one refresher of a grant. False: another is at it."""
    taken = db.execute(
        update(EhrGrant)
        .where(
            EhrGrant.id == grant_id, or_(EhrGrant.refresh_lease_until.is_(None), EhrGrant.refresh_lease_until <= now)
        )
        .values(refresh_lease_until=until_at)
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def end_lease(db: Db, grant_id: str, *, until_at: datetime, needs_relaunch: bool = False) -> None:
    """Give the lease back if it is still ours, and say whether the login is over."""
    values = {"refresh_lease_until": None, **({"needs_relaunch": True} if needs_relaunch else {})}
    db.execute(
        update(EhrGrant)
        .where(EhrGrant.id == grant_id, EhrGrant.refresh_lease_until == until_at)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def take_over_sessions(db: Db, grant: EhrGrant, *, reaches_other_patients: bool) -> list[str]:
    """Give the clinician's sessions at this EHR the new grant; return the ids of the sessions that have it now.

    Sessions of the same patient always; of other patients only when their own login is over and this one may help. A
    session of the last day that was begun without an encounter gets the launch's, so that it can be filed, unless the
    clinician chose to keep it in Chartside.
    """
    over = select(EhrGrant.id).where(EhrGrant.clinician_id == grant.clinician_id, EhrGrant.needs_relaunch.is_(True))
    whose = TelehealthSession.patient_id == grant.patient_id
    if reaches_other_patients:
        whose = or_(whose, TelehealthSession.ehr_grant_id.in_(over))
    ids = list(
        db.scalars(
            select(TelehealthSession.id).where(
                TelehealthSession.clinician_id == grant.clinician_id, TelehealthSession.iss == grant.iss, whose
            )
        )
    )
    # The version column stays: the token behind a session is none of its state.
    db.execute(
        update(TelehealthSession)
        .where(TelehealthSession.id.in_(ids))
        .values(ehr_grant_id=grant.id)
        .execution_options(synchronize_session=False)
    )
    if grant.encounter_id is not None:
        # OpenEMR names an encounter only where one is open; today's session gets that of the launch that has one.
        db.execute(
            update(TelehealthSession)
            .where(
                TelehealthSession.id.in_(ids),
                TelehealthSession.patient_id == grant.patient_id,
                TelehealthSession.encounter_id.is_(None),
                TelehealthSession.id.not_in(select(Filing.session_id).where(Filing.way == APP)),
                TelehealthSession.started_at > grant.created_at - _SAME_VISIT,
            )
            .values(encounter_id=grant.encounter_id)
            .execution_options(synchronize_session=False)
        )
    return ids


# --- browsers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A live browser session with the rows behind it."""

    browser: BrowserSession
    clinician: Clinician
    grant: EhrGrant


def signed_in(db: Db, cookie_hash: str, *, now: datetime, idle: timedelta) -> SignedIn | None:
    """Return whoever is signed in with this cookie; None when it is unknown, idle too long or over."""
    found = db.execute(_SIGNED_IN, {"cookie_hash": cookie_hash, "now": now, "idle_since": now - idle}).first()
    return None if found is None else SignedIn(browser=found[0], clinician=found[1], grant=found[2])


def touch(db: Db, browser_session_id: str, *, now: datetime) -> None:
    """Note that the browser was seen."""
    db.execute(
        update(BrowserSession)
        .where(BrowserSession.id == browser_session_id)
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


def sign_out(db: Db, cookie_hash: str) -> str | None:
    """End a browser session; return its clinician's id."""
    row = db.scalar(select(BrowserSession).where(BrowserSession.cookie_hash == cookie_hash))
    if row is None:
        return None
    db.delete(row)
    return row.clinician_id


def add_browser(db: Db, seal: Seal, row: BrowserSession, patient: PatientFacts) -> None:
    """Keep a new browser session with what was read of its patient."""
    keep_patient(seal, row, patient)
    db.add(row)
    db.flush()


def keep_patient(seal: Seal, row: BrowserSession, patient: PatientFacts) -> None:
    """Seal what a browser session knows of its patient."""
    row.patient_sealed = seal.seal(asdict(patient), aad=f"browser_session.patient:{row.id}")


def patient_of(db: Db, seal: Seal, browser_session_id: str) -> PatientFacts | None:
    """Return the patient as read at the launch of this browser session."""
    sealed = db.scalar(select(BrowserSession.patient_sealed).where(BrowserSession.id == browser_session_id))
    if sealed is None:
        return None
    return PatientFacts.from_json(seal.open(sealed, aad=f"browser_session.patient:{browser_session_id}"))


def clinicians_session(db: Db, session_id: str) -> tuple[TelehealthSession, Participant] | None:
    """Return a session and its clinician's own row among the participants."""
    found = db.execute(_CLINICIANS_SESSION, {"session_id": session_id}).first()
    return None if found is None else (found[0], found[1])
