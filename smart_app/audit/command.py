"""What `chartside audit` asks: is the trail whole, its lines as FHIR AuditEvents, old lines into an archive."""

import argparse
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from fhir_mappings.model import Site
from smart_app.audit import archive, check, events, private_file
from smart_app.config import Settings
from smart_app.errors import BadInput
from smart_app.ports import Clock
from smart_app.store import audit_lines, trail
from smart_app.store.audit_head import AuditHead
from smart_app.store.database import Database
from smart_app.store.trail import Wanted

_YEAR = timedelta(days=365.25)


def run(settings: Settings, asked: argparse.Namespace, db: Database, clock: Clock) -> dict[str, Any]:
    """Do it. Raises ChartsideError for what is refused; export and archive write where `--to` says."""
    if asked.what == "verify":
        return check.check(db, AuditHead(settings.audit_head_file)).as_json()
    if not asked.to:
        raise BadInput("no_place", "Nothing says where to write to.", "Name it with --to.")
    if asked.what == "archive":
        before = clock.now() - settings.audit_years * _YEAR
        return archive.archive(db, Path(asked.to), before=before, at=clock.now())
    return _export(settings, asked, db, clock)


def wanted_of(*, patient: str, actor: str, kind: str, since: str, until: str, iss: str | None = None) -> Wanted:
    """Return what is asked for; days in UTC as YYYY-MM-DD, both inclusive. Raises BadInput."""
    last = _day(until)
    return Wanted(
        patient=patient.removeprefix("Patient/"),
        actor=actor,
        kind=kind,
        since=_day(since),
        until=last + timedelta(days=1) if last is not None else None,
        iss=iss,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError as error:
        raise BadInput("bad_day", f"{text[:20]} is no day.", "Write it as 2026-11-30.") from error


def _export(settings: Settings, asked: argparse.Namespace, db: Database, clock: Clock) -> dict[str, Any]:
    wanted = wanted_of(
        patient=asked.patient, actor=asked.clinician, kind=asked.kind, since=asked.since, until=asked.until
    )
    with db.begin() as open_db:
        detail = {"patient": wanted.patient} if wanted.patient else {}
        audit_lines.append(
            open_db, at=clock.now(), actor="server", action="audit.exported", subject="site", detail=detail
        )
    site = Site(base=settings.base_url, canonical=settings.canonical_url)
    with db.read() as open_db:
        count = private_file.write(Path(asked.to), events.ndjson(trail.in_order(open_db, wanted), site))
    return {"lines": count, "file": asked.to}
