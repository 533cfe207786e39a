"""What must hold after a bad day, looked at in the database, on the disk, in the chart and with `chartside verify`."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from smart_app.audit import check
from smart_app.errors import ChartsideError
from smart_app.recording.reading import run_chunks
from smart_app.retention import receipts
from smart_app.session import State
from smart_app.store import closing, tables
from smart_app.store.audit_head import AuditHead
from smart_app.store.database import Db
from tests.campaigns.day_people import WITHOUT_SOUND, Life, Told
from tests.campaigns.day_site import Site
from tests.fakes.smart_ehr import Resource

SAID = "sertraline"
"""In what the recogniser hears, and in no chart of the day beforehand."""


@dataclass
class Rules:
    """What was broken, by rule, and how much was looked at."""

    broken: dict[str, list[str]] = field(default_factory=dict)
    checked: dict[str, int] = field(default_factory=dict)

    def tell(self, rule: str, found: list[str], *, of: int) -> None:
        """Keep what breaks a rule."""
        self.checked[rule] = of
        if found:
            self.broken[rule] = found


def readable(site: Site, lives: list[Life]) -> list[str]:
    """Return the sessions of which any sound can be heard."""
    return [life.name for life in lives if any(_can_be_heard(site, key) for key in life.sent)]


def _can_be_heard(site: Site, key: str) -> bool:
    track, _, run = key.partition("/")
    try:
        return bool(run_chunks(site.kit.db, site.kit.audio, track, int(run), now=site.machine.clock.now()))
    except ChartsideError:
        return False


def look(site: Site, lives: list[Life], told: Told, heard_late: list[str], *, looks: int) -> Rules:
    """Look at everything."""
    rules = Rules()
    rules.tell("sound heard past 24 h", heard_late + _sound_left(site), of=looks)
    rules.tell("captured without consent", told.captured_without_consent + _rows_without_consent(site), of=told.refused)
    rules.tell("acknowledged chunks lost", told.lost, of=told.chunks)
    rules.tell("people stuck", told.stuck, of=len(lives))
    rules.tell("sessions never over", [life.name for life in lives if not life.is_over], of=len(lives))
    with site.kit.db.read() as db:
        rules.tell("sessions stuck", _stuck(db), of=len(lives))
        rules.tell("summaries lost or doubled", _summaries(db, lives), of=len(lives))
        rules.tell("filings owed or parked", _filings(db), of=db.scalar(select(func.count(tables.Filing.id))) or 0)
    notes = [site.ehr.resources[key] for key in site.ehr.resources if key.startswith("DocumentReference/")]
    signed = [life for life in lives if life.is_signed]
    rules.tell("signed notes not in the chart exactly once", misfiled(signed, notes), of=len(signed))
    withdrawn = [life for life in lives if life.is_withdrawn]
    rules.tell("something left of a withdrawn session", _left(site, withdrawn), of=len(withdrawn))
    rules.tell("receipts or audit trail not whole", _chains(site), of=_lines(site))
    return rules


def _sound_left(site: Site) -> list[str]:
    audio = site.settings.audio_dir
    files = [path for path in audio.rglob("*") if path.is_file()] if audio.exists() else []
    return [f"{len(files)} files of sound"] if files else []


def _rows_without_consent(site: Site) -> list[str]:
    """Return the recordings with chunks of sessions in which nobody ever agreed."""
    with site.kit.db.read() as db:
        agreed = select(tables.RecordingConsent.session_id).where(
            tables.RecordingConsent.status.in_(("active", "inactive"))
        )
        query = (
            select(tables.Recording.session_id)
            .join(tables.Track, tables.Track.recording_id == tables.Recording.id)
            .join(tables.Chunk, tables.Chunk.track_id == tables.Track.id)
            .where(tables.Recording.session_id.not_in(agreed))
        )
        return [f"chunks of {id_}" for id_ in set(db.scalars(query))]


def _stuck(db: Db) -> list[str]:
    over = (State.READY, State.EMPTY)
    query = select(tables.TelehealthSession).where(tables.TelehealthSession.state.not_in(over))
    return [f"{row.id} is {row.state} ({row.reason})" for row in db.scalars(query)]


def _summaries(db: Db, lives: list[Life]) -> list[str]:
    """Each session with sound has one summary, unless it was withdrawn or the clock took its sound away."""
    counts = Counter(db.scalars(select(tables.Summary.session_id)))
    wrong = []
    for life in lives:
        has_sound = life.course not in WITHOUT_SOUND and life.has_agreed
        is_excused = life.is_withdrawn or life.was_jumped
        if counts[life.session_id] > 1 or (has_sound and not is_excused and counts[life.session_id] != 1):
            wrong.append(f"{life.name}: {counts[life.session_id]} summaries")
        if not has_sound and counts[life.session_id]:
            wrong.append(f"{life.name}: a summary of nothing")
    return wrong


def _filings(db: Db) -> list[str]:
    query = select(tables.Filing).where(tables.Filing.done < tables.Filing.wanted)
    return [f"{row.kind} of {row.session_id}: {row.parked or 'owed'} {row.public}" for row in db.scalars(query)]


def misfiled(signed: list[Life], documents: list[Resource]) -> list[str]:
    """Return the signed notes that are not there once, final, in their own patient's chart."""
    found = Counter(each["identifier"][0]["value"] for each in documents)
    by_id = {each["identifier"][0]["value"]: each for each in documents}
    wrong = []
    for life in signed:
        each = by_id.get(life.note_id)
        if found[life.note_id] != 1 or each is None:
            wrong.append(f"{life.name}: {found[life.note_id]} documents")
        elif each.get("docStatus") != "final" or each["subject"]["reference"] != f"Patient/{life.patient}":
            wrong.append(f"{life.name}: {each.get('docStatus')} under {each['subject']}")
    return wrong


def _left(site: Site, withdrawn: list[Life]) -> list[str]:
    """Nothing of what was captured is left: rows, keys, words; a note that was signed before stays, as it must."""
    ids = {life.session_id: life for life in withdrawn}
    left: list[str] = []
    with site.kit.db.read() as db:
        for table in (tables.Transcript, tables.TrackTranscript):
            left += [
                f"{ids[id_].name}: {table.__tablename__}" for id_ in db.scalars(select(table.session_id)) if id_ in ids
            ]
        for session in db.scalars(select(tables.TelehealthSession).where(tables.TelehealthSession.id.in_(ids))):
            if session.key_slot is not None:
                left.append(f"{ids[session.id].name}: the key of its words")
        for recording in db.scalars(select(tables.Recording).where(tables.Recording.session_id.in_(ids))):
            if recording.key_slot is not None or recording.erased_at is None:
                left.append(f"{ids[recording.session_id].name}: a recording")
        for summary in db.scalars(select(tables.Summary).where(tables.Summary.session_id.in_(ids))):
            if summary.sealed is not None and not ids[summary.session_id].is_signed:
                left.append(f"{ids[summary.session_id].name}: a summary")
        live = db.scalars(select(tables.RecordingConsent).where(tables.RecordingConsent.session_id.in_(ids)))
        left += [f"{ids[row.session_id].name}: a live consent" for row in live if row.status == "active"]
    unsigned = {life.patient: life for life in withdrawn if not life.is_signed}
    for key in site.ehr.resources:
        body = site.ehr.resources[key]
        patient = str((body.get("subject") or body.get("patient") or {}).get("reference", "")).removeprefix("Patient/")
        if patient in unsigned and SAID in json.dumps(body).lower():
            left.append(f"{unsigned[patient].name}: words in {body['resourceType']} of the chart")
    return left


def _lines(site: Site) -> int:
    with site.kit.db.read() as db:
        rows: list[Any] = [tables.AuditLine.number, tables.Receipt.number]
        return sum(db.scalar(select(func.count(each))) or 0 for each in rows)


def _chains(site: Site) -> list[str]:
    """Ask the app's own check and `chartside verify`, which shares no code with what wrote the chains."""
    head = AuditHead(site.settings.audit_head_file)
    found = [f"{each.code}: {each.found}" for each in check.check(site.kit.db, head).findings]
    folder = site.folder.parent / "kept"
    folder.mkdir()
    with site.kit.db.read() as db:
        end = receipts.head_of(db, site.kit.signer, at=site.machine.clock.now())
        _write(folder / "receipts.jsonl", [*closing.receipts(db), end])
        _write(folder / "audit.jsonl", list(closing.audit_lines(db)))
        erased = set(db.scalars(select(tables.Recording.id).where(tables.Recording.erased_at.is_not(None))))
        told = set(db.scalars(select(tables.Receipt.recording_id)))
    found += [f"no receipt of {id_}" for id_ in erased - told]
    command = [sys.executable, "-m", "plugin.cli", "verify", str(folder / "receipts.jsonl")]
    command += ["--audit", str(folder / "audit.jsonl"), "--public-key", site.kit.signer.public_key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return found + ([done.stdout[-400:] + done.stderr[-400:]] if done.returncode else [])


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
