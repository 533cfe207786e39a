"""The machine under the installation: disks, their encryption, swap."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from plugin.findings import Finding, note, ok, problem, warning

SWAPS = Path("/proc/swaps")
BLOCK = Path("/sys/dev/block")
_PLENTY = 4
"""Times the reserve; below this an admin wants to know before recordings are refused."""


def disk(folder: Path, reserve_bytes: int) -> Finding:
    """Say whether there is room for recordings."""
    free = shutil.disk_usage(folder).free
    room = f"{free / 1e9:.1f} GB free on the disk of {folder}"
    if free < reserve_bytes:
        return problem(
            "disk_full", f"{room}; no recording starts below {reserve_bytes / 1e9:.1f} GB.", "Free some space."
        )
    if free < _PLENTY * reserve_bytes:
        return warning("disk_low", f"{room}.", f"Recordings stop at {reserve_bytes / 1e9:.1f} GB: make room soon.")
    return ok("disk", f"{room}.")


def encryption(folder: Path, block: Path = BLOCK) -> Finding:
    """Say whether the folder's disk is seen to be encrypted (dm-crypt)."""
    device = folder.stat().st_dev
    here = block / f"{os.major(device)}:{os.minor(device)}"
    if not here.exists():
        return note(
            "disk_unknown", f"What kind of disk {folder} is on cannot be seen here.", "Make sure it is encrypted."
        )
    if _is_encrypted(here):
        return ok("disk_encrypted", f"{folder} is on an encrypted disk.")
    todo = "Put the data folder on a LUKS volume, unless the machine below encrypts the disk."
    return warning("disk_plain", f"No encryption of the disk of {folder} can be seen.", todo)


def _is_encrypted(device: Path, depth: int = 4) -> bool:
    uuid = device / "dm" / "uuid"
    if uuid.exists() and uuid.read_text().startswith("CRYPT-"):
        return True
    below = device / "slaves"
    return depth > 0 and below.is_dir() and any(_is_encrypted(each, depth - 1) for each in below.iterdir())


def key_volume(key_file: Path, data_dir: Path) -> Iterator[Finding]:
    """Say whether the keys have a volume of their own, which backups and snapshots can leave out."""
    if not key_file.exists():
        return
    if key_file.stat().st_dev == data_dir.stat().st_dev:
        found = f"{key_file.parent} is on the same volume as the rest of the data."
        todo = "Give it a volume of its own, without backup and snapshots: a copied key outlives its erasure."
        yield warning("key_volume", found, todo)
    else:
        yield ok("key_volume", f"{key_file.parent} has a volume of its own. Leave it out of backups and snapshots.")


def swap(swaps: Path = SWAPS) -> Finding:
    """Say whether this machine swaps: pages of sound and keys could be written to disk."""
    try:
        names = [line.split()[0] for line in swaps.read_text().splitlines()[1:] if line.strip()]
    except OSError:
        return note(
            "swap_unknown", "Whether this machine swaps cannot be seen here.", "Run without swap, or encrypt it."
        )
    written = [name for name in names if "zram" not in name]
    if written:
        found = f"This machine swaps to {', '.join(written)}; parts of sound or keys may be written there."
        return warning("swap", found, "Switch it off (swapoff -a), or encrypt it with a random key.")
    return ok("swap", "This machine does not swap to disk.")
