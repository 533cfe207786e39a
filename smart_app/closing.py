"""The end of an installation, for `chartside uninstall`: erase, tell the charts, export, destroy the keys.

In this order, so that whatever cuts it short, sound dies first; each part is safe to repeat.
"""

import json
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from smart_app import alive, kit
from smart_app.config import Settings
from smart_app.consent import stopping
from smart_app.errors import ConfigError
from smart_app.kit import Kit
from smart_app.note import material
from smart_app.recording import withdrawal
from smart_app.recording.keyslots import KeySlots
from smart_app.retention import receipts
from smart_app.store import audit_lines, closing, filings, retention
from smart_app.store.tables import Note

FILING_S = 60.0
"""How long the tombstones may take to reach the charts; a slow EHR must not keep an installation alive."""
BEAT_FRESH = timedelta(seconds=15)
"""A worker beats each second; one that was heard of so lately may still run, on whatever machine."""
README = """What Chartside leaves behind.

consents.jsonl   each answer to the recording question, with the screen as it was shown
receipts.jsonl   each erasure and withdrawal: RFC 8785 JSON, its SHA-256 chain, its Ed25519 signature by
                 receipts-public-key.txt; the last row is a signed statement of where the chain ends
audit.jsonl      the hash-chained audit trail; `chartside verify` checks both
notes/           the signed notes that the EHR does not hold

These are health records. Keep them as the law of your place says (HIPAA: six years), readable by few.
"""


def plan(settings: Settings) -> dict[str, Any]:
    """Return what an uninstall would end and keep, in figures, and which processes still run."""
    made = kit.make(settings)
    with made.db.read() as db:
        found = closing.counts(db)
    running = _running(made)
    made.db.close()
    return {
        "data_dir": str(settings.data_dir),
        "is_own_database": _is_own(settings),
        "running": running,
        **found,
    }


def _running(made: Kit) -> list[str]:
    """Return the kinds of process that run: by their locks here, of a shared database also by a worker's beat."""
    found = alive.running(made.settings.data_dir)
    if alive.WORKER not in found and not _is_own(made.settings):
        with made.db.read() as db:
            beat_at = retention.last_beat_at(db)
        if beat_at is not None and made.clock.now() - beat_at < BEAT_FRESH:
            found.append(alive.WORKER)
    return found


def close(settings: Settings, keep_to: Path | None) -> dict[str, Any]:
    """Erase everything that was captured, tell the charts, export to `keep_to`, and destroy every key.

    Raises ConfigError while a web process or a worker runs: it would go on with what is being ended.
    """
    made = kit.make(settings)
    if running := _running(made):
        made.db.close()
        raise ConfigError("still_running", f"Chartside still runs ({', '.join(running)}).", "Stop it, then try again.")
    now = made.clock.now()
    with made.db.begin() as db:
        for ehr in settings.ehrs:
            stopping.stop_everywhere(db, ehr.iss, actor="server", at=now)
        closing.make_all_due(db, at=now)
    withdrawal.finish_withdrawals(made.withdrawals, at=now)
    made.retention.sweep()
    _file(made)
    with made.db.begin() as db:
        audit_lines.append_if_possible(db, at=made.clock.now(), actor="server", action="site.closed", subject="site")
    with made.db.read() as db:
        left = closing.counts(db)
    if left["recordings_with_sound"]:
        return {"is_closed": False, **left}
    kept = _export(made, keep_to) if keep_to is not None else 0
    KeySlots(settings.key_file, settings).destroy_all()
    if not _is_own(settings):
        closing.drop_tables(made.db)
    made.db.close()
    return {"is_closed": True, "notes_exported": kept, "kept_in": str(keep_to or ""), **left}


def _is_own(settings: Settings) -> bool:
    """Say whether the database is a file in the data folder, which goes with it."""
    return settings.database_url.startswith("sqlite")


def _file(made: Kit) -> None:
    """File what is owed, above all the tombstones, once each, within a minute."""
    ends_at = time.monotonic() + FILING_S
    tried: set[str] = set()
    while time.monotonic() < ends_at:
        with made.db.read() as db:
            due = [id_ for id_ in filings.due(db, now=made.clock.now()) if id_ not in tried]
        if not due:
            return
        tried.add(due[0])
        made.steps.file(due[0])


def _export(made: Kit, folder: Path) -> int:
    """Write what must be kept, for the owner's eyes alone; return how many notes it was."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with made.db.read() as db:
        _write_lines(folder / "consents.jsonl", closing.consents(db))
        end = receipts.head_of(db, made.signer, at=made.clock.now())
        _write_lines(folder / "receipts.jsonl", [*closing.receipts(db), end])
        _write_lines(folder / "audit.jsonl", closing.audit_lines(db))
        notes = closing.signed_notes_not_in_chart(db)
        for note in notes:
            _write(folder / "notes" / f"{note.patient_id}-{note.id}.txt", _text_of(made, note))
    _write(folder / "receipts-public-key.txt", made.signer.public_key + "\n")
    _write(folder / "README.txt", README)
    return len(notes)


def _text_of(made: Kit, note: Note) -> str:
    signed_at = (note.signed_at or datetime.now(UTC)).isoformat()
    parts = [f"{note.title}, patient {note.patient_id}, signed {signed_at}"]
    parts += [f"## {title}\n{words}" for _, title, words, _ in material.elements_for_filing(made.seal, note)]
    return "\n\n".join(parts) + "\n"


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    _write(path, "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows))


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
