"""The master keys: the one that seals, and older ones that still open what was sealed before a rotation (T13).

The first line of CHARTSIDE_MASTER_KEY_FILE is the current key, further lines are older ones. The file is looked at on
each use, so that a rotation reaches every running process at once and nothing has to be restarted in mid-recording.
"""

import contextlib
import hmac
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smart_app.config import Settings
from smart_app.secret import Secret, keys_of

ID_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """One master key, and the id that blobs name it by."""

    secret: Secret
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Derive the id: it tells keys apart and nothing of the key."""
        object.__setattr__(self, "id", hmac.digest(self.secret.reveal(), b"chartside key id", "sha256")[:ID_BYTES])


class Keyring:
    """The keys of one process; safe for threads."""

    def __init__(self, keys: Sequence[Secret], file: Path | None = None) -> None:
        self._keys = tuple(MasterKey(secret=each) for each in keys)
        self._file = file
        self._seen: tuple[int, ...] | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, source: "Settings | Keyring | Secret | bytes") -> "Keyring":
        """Return the ring of a site, or the ring of a single key."""
        if isinstance(source, Keyring):
            return source
        if isinstance(source, Settings):
            return cls((source.master_key, *source.older_master_keys), source.master_key_file)
        return cls((source if isinstance(source, Secret) else Secret(source),))

    def current(self) -> MasterKey:
        """Return the key that seals."""
        return self._fresh()[0]

    def likely(self, key_id: bytes) -> Iterator[MasterKey]:
        """Yield every key, those with this id first: a blob of an older version names none."""
        keys = self._fresh()
        yield from sorted(keys, key=lambda key: key.id != key_id)

    def __len__(self) -> int:
        return len(self._fresh())

    def _fresh(self) -> tuple[MasterKey, ...]:
        """Read the file again when it is another than at the last look; one that cannot be used changes nothing."""
        if self._file is None:
            return self._keys
        with contextlib.suppress(OSError, ValueError):
            found = self._file.stat()
            mark = (found.st_ino, found.st_mtime_ns, found.st_size)
            if mark != self._seen:
                keys = tuple(MasterKey(secret=each) for each in keys_of(self._file.read_bytes()))
                with self._lock:
                    self._keys, self._seen = keys, mark
        return self._keys
