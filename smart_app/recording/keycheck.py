"""Whether the key slots and the rows fit: a lost key file is no empty one, and a key without a row must die."""

from datetime import datetime, timedelta

from smart_app.config import Settings
from smart_app.errors import ConfigError
from smart_app.recording.keyslots import KeySlots
from smart_app.store import audit_lines, retention
from smart_app.store.database import Database, Db

ORPHAN_FOR = timedelta(hours=1)
"""How long a key may be named by no row: a row is written within seconds of its key."""


def check(settings: Settings, db: Db) -> None:
    """Refuse a key file that lacks what rows name: its volume may not be mounted, or the file was cut.

    Raises ConfigError with the way on for a site whose keys are lost for good, as after a restore from a backup.
    """
    named, slots = retention.key_numbers(db), KeySlots(settings.key_file, settings)
    if not named or (settings.key_file.exists() and slots.holds(named)):
        return
    lost = settings.key_file.with_name("lost")
    lost.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not lost.exists():
        raise ConfigError(
            "keys_missing",
            f"{settings.key_file} is not there or not whole, but stored sound or words need its keys.",
            "Mount the volume of the keys. If they are lost for good, as after a restore from a backup, run:"
            f" touch {lost}, and start again; that sound can then never be read.",
        )
    slots.begin_after(named)
    lost.unlink()


class OrphanKeys:
    """Destroys keys that no row names: made after the backup that was restored, or just before a crash.

    What they opened may still lie in an image of the disk, and no deadline would ever come for it.
    """

    def __init__(self, db: Database, slots: KeySlots) -> None:
        self._db = db
        self._slots = slots
        self._seen: dict[int, datetime] = {}

    def sweep(self, *, now: datetime) -> None:
        """Destroy what has been nobody's for so long; this process must have seen it so before."""
        living = self._slots.used()
        with self._db.read() as db:
            named = retention.key_numbers(db)
        self._seen = {number: self._seen.get(number, now) for number in living - named}
        for number in [number for number, since in self._seen.items() if now - since >= ORPHAN_FOR]:
            self._slots.destroy(number)
            with self._db.begin() as db:
                audit_lines.append_if_possible(
                    db, at=now, actor="server", action="key.destroyed", subject="site", detail={"key": f"slot-{number}"}
                )
