"""The machine under the installation: disks, their encryption, the keys' file system, swap, core dumps."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from plugin.findings import Finding, note, ok, problem, warning

SWAPS = Path("/proc/swaps")
PROC = Path("/proc")
MOUNTS = PROC / "self" / "mountinfo"
BLOCK = Path("/sys/dev/block")
_COPYING = frozenset({"btrfs", "zfs", "bcachefs", "overlay", "f2fs", "nilfs2"})
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
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


def key_file_system(key_file: Path, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """Say whether overwriting a key in place really overwrites it, as far as the file system shows."""
    if not key_file.exists():
        return
    kind, options = _mount_of(key_file.resolve().parent, mounts)
    here = f"{key_file.parent} is on {kind}"
    if kind in _COPYING:
        found = f"{here}, which writes changed bytes to a new place: an overwritten key may stay readable."
        yield warning("key_copies", found, "Give the keys a small ext4 or xfs volume of their own.")
    elif "data=journal" in options:
        found = f"{here} with data=journal: overwritten keys stay in its journal for a while."
        yield warning("key_journal", found, "Mount the volume with data=ordered, the default.")
    elif kind in _IN_MEMORY:
        found = f"{here}, in memory: after a restart no recording under way can be read any more."
        yield warning("key_memory", found, "Give the keys a small ext4 or xfs volume of their own.")
    if not (key_file.parent / "CACHEDIR.TAG").exists():
        yield note("key_backup", f"{key_file.parent} is not marked for backup programs.", "Leave it out of backups.")


def _mount_of(folder: Path, mounts: Path) -> tuple[str, str]:
    """Return kind and options of the file system that holds a folder; empty where that cannot be seen."""
    best, found = "", ("", "")
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        before, _, after = line.partition(" - ")
        point, mounted = before.split()[4], after.split()
        if len(point) >= len(best) and folder.is_relative_to(point.replace("\\040", " ")):
            best, found = point, (mounted[0], mounted[-1])
    return found


def core_dumps(data_dir: Path, kinds: Iterable[str], proc: Path = PROC) -> Iterator[Finding]:
    """Say whether a crash of a running process could write its memory, with sound and keys, to disk."""
    running = {pid for kind in kinds for pid in _holders(data_dir / f"{kind}.lock", proc)}
    if not running:
        return
    if any(_may_dump(pid, proc) for pid in running):
        found = "A crash could write the memory of a running process, with sound and keys, to a core file."
        yield warning("core_dumps", found, "Set LimitCORE=0 in the service's unit, and restart it.")
    else:
        yield ok("core_dumps", "The running processes leave no core files.")


def _holders(lock_file: Path, proc: Path) -> set[int]:
    """Return the processes that hold a lock on a file."""
    try:
        inode = str(lock_file.stat().st_ino)
        lines = (proc / "locks").read_text().splitlines()
    except OSError:
        return set()
    held = [line.split() for line in lines if "FLOCK" in line]
    return {int(words[4]) for words in held if words[5].rsplit(":", 1)[-1] == inode and int(words[4]) > 0}


def _may_dump(pid: int, proc: Path) -> bool:
    try:
        lines = (proc / str(pid) / "limits").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("Max core file size") and line.split()[4] != "0" for line in lines)


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
