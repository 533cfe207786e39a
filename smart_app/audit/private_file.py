"""Writes a file for the owner's eyes alone, complete on the disk or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from smart_app.errors import ConfigError


def write(path: Path, rows: Iterable[bytes]) -> int:
    """Write the rows and return how many it was. Raises ConfigError where the folder does not allow it."""
    part, count = path.with_name(f".{path.name}.part"), 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for row in rows:
                file.write(row)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        todo = "Name a place that the user who runs Chartside may write."
        raise ConfigError("cannot_write", f"{path} cannot be written ({error.strerror}).", todo) from error
    return count
