"""The rows of Chartside's own FHIR face: the resources it shows, the clients that may read it, and their tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, delete, func, or_, select
from sqlalchemy.exc import IntegrityError

from smart_app.store import consents
from smart_app.store.consents import OPT_IN
from smart_app.store.database import Db
from smart_app.store.ehr_tables import FaceResource, FhirClient, FhirToken, SeenJti
from smart_app.store.sealed import Seal
from smart_app.store.tables import AiConsentChange, Filing, TelehealthSession

TYPES = {
    "consent": "Consent",
    "media": "Media",
    "note": "DocumentReference",
    "provenance-draft": "Provenance",
    "provenance-signed": "Provenance",
    OPT_IN: "Consent",
}
"""The kinds of filing that the face shows, with their resource types; an opt-in is on the face alone."""
_BATCH = 200


def face_id(kind: str, subject_id: str) -> str:
    """Return the id that a row's resource has on the face."""
    if kind == OPT_IN:
        return f"{OPT_IN}-{subject_id}"
    suffix = kind.removeprefix("provenance")
    return f"{subject_id}{suffix}" if suffix != kind else subject_id


# --- resources ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One resource of the face, opened; `body` is None when it is gone."""

    id: str
    resource_type: str
    iss: str
    patient_id: str
    version: int
    last_updated: datetime
    body: dict[str, Any] | None


def show(db: Db, seal: Seal, kind: str, subject_id: str, body: Mapping[str, Any], *, now: datetime) -> None:
    """Put a resource on the face, or bring it up to date; an equal one keeps its version."""
    row = _row(db, kind, subject_id)
    if row is None:
        row = FaceResource(
            id=face_id(kind, subject_id),
            resource_type=TYPES[kind],
            subject_id=f"{kind}:{subject_id}",
            body_sealed=b"",
            version=0,
            last_updated=now,
            **_place(db, kind, subject_id),
        )
        db.add(row)
    elif row.body_sealed and _opened(seal, row).body == dict(body):
        return
    row.body_sealed = seal.seal(dict(body), aad=_aad(row.id))
    row.version, row.last_updated = row.version + 1, now
    db.flush()


def _place(db: Db, kind: str, subject_id: str) -> dict[str, Any]:
    """Return the columns that say whose it is: a session's, or at least an EHR's."""
    if kind == OPT_IN:
        return {"iss": consents.opt_in(db, subject_id).clinician.iss, "patient_id": ""}
    session = db.get_one(TelehealthSession, session_of(db, kind, subject_id))
    return {
        "session_id": session.id,
        "iss": session.iss,
        "patient_id": session.patient_id,
        "encounter_id": session.encounter_id,
    }


def hide(db: Db, kind: str, subject_id: str, *, now: datetime) -> None:
    """Take a resource from the face; from now on it is gone (410)."""
    row = _row(db, kind, subject_id)
    if row is not None and row.body_sealed:
        row.body_sealed, row.version, row.last_updated = b"", row.version + 1, now
        db.flush()


def _row(db: Db, kind: str, subject_id: str) -> FaceResource | None:
    return db.get(FaceResource, face_id(kind, subject_id))


def not_shown(db: Db, *, most: int) -> list[tuple[str, str]]:
    """Return kind and row of what is owed or filed and not on the face: from before there was one, or after a fault."""
    on_it = (
        select(FaceResource.id)
        .where(FaceResource.subject_id == Filing.kind + ":" + Filing.subject_id, FaceResource.body_sealed != b"")
        .exists()
    )
    query = (
        select(Filing.kind, Filing.subject_id)
        .join(TelehealthSession, TelehealthSession.id == Filing.session_id)
        .where(Filing.kind.in_(TYPES), ~on_it, TelehealthSession.encounter_id.is_not(None))
        .order_by(Filing.id)
    )
    found = [(row.kind, row.subject_id) for row in db.execute(query.limit(most))]
    return found or [(OPT_IN, str(id_)) for id_ in db.scalars(_opt_ins_not_shown().limit(most))]


def _opt_ins_not_shown() -> Select[int]:
    subject_id = OPT_IN + ":" + cast(AiConsentChange.id, String)
    on_it = select(FaceResource.id).where(FaceResource.subject_id == subject_id, FaceResource.body_sealed != b"")
    return select(AiConsentChange.id).where(AiConsentChange.is_on.is_(True), ~on_it.exists())


def session_of(db: Db, kind: str, subject_id: str) -> str:
    """Return the session that a filing belongs to."""
    return str(db.scalar(select(Filing.session_id).where(Filing.kind == kind, Filing.subject_id == subject_id)))


def find(db: Db, seal: Seal, resource_type: str, id_: str) -> Shown | None:
    """Return one resource."""
    row = db.get(FaceResource, id_)
    return _opened(seal, row) if row is not None and row.resource_type == resource_type else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What rows a search looks at; what stands in the sealed bodies is checked by the caller."""

    resource_type: str
    iss: frozenset[str] | None = None
    """None: every EHR."""
    patients: tuple[frozenset[str], ...] = ()
    """Each must hold the row's patient."""
    encounters: tuple[frozenset[str], ...] = ()
    ids: tuple[frozenset[str], ...] = ()
    updated: tuple[tuple[tuple[datetime | None, datetime | None], ...], ...] = ()
    """Each is a list of spans [from, to), of which one must hold the time of the last change."""
    after: tuple[datetime, str] | None = None
    """Where the page before ended: time of the last change and id."""


def _clauses(wanted: Wanted) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = [
        FaceResource.resource_type == wanted.resource_type,
        # Its length is known without reading the whole of it.
        func.length(FaceResource.body_sealed) > 0,
    ]
    if wanted.iss is not None:
        clauses.append(FaceResource.iss.in_(wanted.iss))
    clauses += [FaceResource.patient_id.in_(each) for each in wanted.patients]
    clauses += [FaceResource.encounter_id.in_(each) for each in wanted.encounters]
    clauses += [FaceResource.id.in_(each) for each in wanted.ids]
    clauses += [or_(*(_in_span(span) for span in spans)) for spans in wanted.updated]
    if wanted.after is not None:
        at, id_ = wanted.after
        later = and_(FaceResource.last_updated == at, FaceResource.id > id_)
        clauses.append(or_(FaceResource.last_updated > at, later))
    return clauses


def _in_span(span: tuple[datetime | None, datetime | None]) -> ColumnElement[bool]:
    low, high = span
    bounds = [FaceResource.last_updated >= low] if low else []
    bounds += [FaceResource.last_updated < high] if high else []
    return and_(*bounds)


def walk(db: Db, seal: Seal, wanted: Wanted) -> Iterator[Shown]:
    """Go through the matching resources, oldest change first, opening each as it comes."""
    while True:
        query = select(FaceResource).where(*_clauses(wanted))
        rows = list(db.scalars(query.order_by(FaceResource.last_updated, FaceResource.id).limit(_BATCH)))
        for row in rows:
            yield _opened(seal, row)
        if len(rows) < _BATCH:
            return
        wanted = replace(wanted, after=(rows[-1].last_updated, rows[-1].id))


def count(db: Db, wanted: Wanted) -> int:
    """Return how many rows match, without opening any."""
    return db.scalar(select(func.count()).select_from(FaceResource).where(*_clauses(wanted))) or 0


def _opened(seal: Seal, row: FaceResource) -> Shown:
    return Shown(
        id=row.id,
        resource_type=row.resource_type,
        iss=row.iss,
        patient_id=row.patient_id,
        version=row.version,
        last_updated=row.last_updated,
        body=seal.open(row.body_sealed, aad=_aad(row.id)) if row.body_sealed else None,
    )


def _aad(id_: str) -> str:
    return f"face_resource.body:{id_}"


# --- clients and tokens ---------------------------------------------------------------------------------------------


def clients(db: Db) -> list[FhirClient]:
    """Return every client ever registered, the newest first."""
    return list(db.scalars(select(FhirClient).order_by(FhirClient.created_at.desc(), FhirClient.client_id)))


def client(db: Db, client_id: str) -> FhirClient | None:
    """Return a client that is registered and not revoked."""
    row = db.get(FhirClient, client_id)
    return row if row is not None and row.revoked_at is None else None


def add_client(db: Db, row: FhirClient) -> None:
    """Register a client."""
    db.add(row)
    db.flush()


def revoke(db: Db, client_id: str, *, at: datetime) -> bool:
    """Revoke a client and every token it has; False when there is none such."""
    row = client(db, client_id)
    if row is None:
        return False
    row.revoked_at = at
    db.execute(delete(FhirToken).where(FhirToken.client_id == client_id))
    db.flush()
    return True


def use_jti(db: Db, hash_: str, *, until: datetime, now: datetime) -> bool:
    """Note that an assertion was used; False when it was used before. What is over is forgotten on the way."""
    db.execute(delete(SeenJti).where(SeenJti.until_at < now))
    try:
        with db.begin_nested():
            db.add(SeenJti(hash=hash_, until_at=until))
            db.flush()
    except IntegrityError:
        return False
    return True


def keep_token(db: Db, hash_: str, *, client_id: str, scope: str, expires_at: datetime, now: datetime) -> None:
    """Keep a new token by its hash; expired ones are forgotten on the way."""
    db.execute(delete(FhirToken).where(FhirToken.expires_at < now))
    db.add(FhirToken(token_hash=hash_, client_id=client_id, scope=scope, expires_at=expires_at))
    db.flush()


def token(db: Db, hash_: str, *, now: datetime) -> tuple[FhirToken, FhirClient] | None:
    """Return a token that is good now, with its client."""
    row = db.get(FhirToken, hash_)
    if row is None or row.expires_at <= now:
        return None
    owner = client(db, row.client_id)
    return (row, owner) if owner is not None else None
