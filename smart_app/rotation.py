"""Turning over the master key while Chartside runs: a new key seals from now on, everything is sealed anew, the old
key leaves the file (T13).

Each step is safe to repeat; a rotation that was cut short is finished by the next call.
"""

import base64
import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from smart_app import kit
from smart_app.config import Settings
from smart_app.errors import ConfigError
from smart_app.keyring import Keyring
from smart_app.recording.keyslots import KeySlots
from smart_app.secret import Secret, keys_of
from smart_app.store import audit_lines, resealing
from smart_app.store.database import Database
from smart_app.store.sealed import Seal

SETTLED_AFTER_S = 5.0
"""What was sealed under the old key a moment before the file changed is stored within this time."""
_MOST_PASSES = 60
_BY_HAND = (
    "Put a new line in front of the old one by hand (openssl rand -base64 32), run this again, and take the old line"
    " out when it says so."
)


def rotate(
    settings: Settings, now: Callable[[], datetime], pause: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Make a new master key, seal everything under it and forget the old one; return what was done.

    `sealed`: values sealed anew; `keys`: data keys wrapped anew; `broken`: what no master key opens, as before.
    Raises ConfigError where the key stands in the environment, or another one is in its file.
    """
    file = settings.master_key_file
    if file is None:
        raise ConfigError(
            "no_key_file",
            "The master key stands in the environment, where it cannot be turned over while Chartside runs.",
            "Put it into a file of mode 600, set CHARTSIDE_MASTER_KEY_FILE, restart, and run this again.",
        )
    db, _ = kit.open_database(settings)
    with contextlib.closing(db), _alone(settings.data_dir):
        with db.begin() as open_db:
            audit_lines.append(open_db, at=now(), actor="server", action="master_key.rotate", subject="site")
        keys = keys_of(file.read_bytes())
        if len(keys) == 1:
            keys = (Secret(secrets.token_bytes(32)), *keys)
            _replace(file, keys)
        ring = Keyring(keys, file)
        done = _until_settled(db, Seal(ring), KeySlots(settings.key_file, ring), pause)
        _replace(file, keys[:1])
        with db.begin() as open_db:
            detail = {name: str(count) for name, count in done.items()}
            audit_lines.append(
                open_db, at=now(), actor="server", action="master_key.rotated", subject="site", detail=detail
            )
    return {"file": str(file), **done}


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Refuse a second rotation at the same time: each would take the other's new key out of the file."""
    with (data_dir / "rotation.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError("rotating", "The master key is being turned over already.", "Wait for it.") from error
        yield


def _until_settled(db: Database, seal: Seal, slots: KeySlots, pause: Callable[[float], None]) -> dict[str, int]:
    """Seal anew until a look after a pause finds nothing old any more."""
    sealed = wrapped = 0
    for _ in range(_MOST_PASSES):
        rows, (keys, broken_keys) = resealing.reseal(db, seal), slots.rewrap()
        sealed, wrapped = sealed + rows.done, wrapped + keys
        pause(SETTLED_AFTER_S)
        last, (late, _) = resealing.reseal(db, seal), slots.rewrap()
        sealed, wrapped = sealed + last.done, wrapped + late
        if not last.done and not late:
            return {"sealed": sealed, "keys": wrapped, "broken": last.broken + broken_keys}
    raise ConfigError(
        "still_old",
        "Some process goes on sealing with the old master key.",
        "Is there a machine whose CHARTSIDE_MASTER_KEY_FILE is another file? Give it the new one, and run this again.",
    )


def _replace(file: Path, keys: tuple[Secret, ...]) -> None:
    """Write the keys, one a line, in place of the file, with its owner and mode; never half a file."""
    part = file.with_name(f"{file.name}.new")
    lines = b"".join(base64.b64encode(key.reveal()) + b"\n" for key in keys)
    try:
        part.unlink(missing_ok=True)  # left by one that was cut short
        found = file.stat()
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            os.fchmod(descriptor, found.st_mode & 0o777)
            if os.geteuid() == 0:
                os.fchown(descriptor, found.st_uid, found.st_gid)
            opened.write(lines)
            opened.flush()
            os.fsync(descriptor)
        os.replace(part, file)
    except OSError as error:
        raise ConfigError("key_file", f"{file} cannot be replaced.", _BY_HAND) from error
