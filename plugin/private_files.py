"""Files that only Chartside's user can read, written all or nothing."""

import json
import os
from pathlib import Path
from typing import Any

from plugin.failures import Exit, Failure


def write(path: Path, content: str) -> None:
    """Write a file of mode 600. Raises Failure where the folder does not allow it.

    Written by root, it is given to the owner of its folder: the service must read it.
    """
    try:
        _put(path, content)
    except OSError as error:
        raise _cannot_write(str(path), path.parent, error) from error


def _put(path: Path, content: str) -> None:
    part = path.with_name(f".{path.name}.part")
    folder = path.parent.stat()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        if os.geteuid() == 0 and folder.st_uid != 0:
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _cannot_write(what: str, folder: Path, error: OSError) -> Failure:
    return Failure(
        Exit.USAGE,
        "cannot_write",
        f"{what} cannot be written ({error.strerror}).",
        f"Make the folder {folder}, owned by the user that runs Chartside, and run this as that user.",
    )


def probe(folder: Path) -> None:
    """Write an empty file into a folder and take it away again. Raises Failure where the folder does not allow it."""
    path = folder / ".chartside-probe"
    try:
        _put(path, "")
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(f"The folder {folder}", folder, error) from error


def read_list(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a JSON list of objects; none where there is no file. Raises Failure for anything else."""
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(path) from error
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise _broken(path)
    return found


def _broken(path: Path) -> Failure:
    return Failure(
        Exit.USAGE,
        "ehrs_file",
        f"{path} is not a JSON list of entries, or cannot be read.",
        "Mend it first, or name another file with --ehrs-file; nothing was changed.",
    )
