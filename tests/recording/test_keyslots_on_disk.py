"""The slot file on a real ext4 file system, looked at from below: the raw image holds no destroyed key."""

import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smart_app.errors import VaultError
from smart_app.recording.keyslots import SLOT_BYTES, KeySlots
from tests.trust.figures import Say

MASTER = b"m" * 32
KEYS = 200


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """Make an ext4 file system in a file, and mount it while the test works on it."""
    mke2fs = shutil.which("mke2fs") or "/sbin/mke2fs"
    if not Path(mke2fs).exists():
        pytest.skip("mke2fs is not installed (Debian: e2fsprogs)")
    with image.open("wb") as file:
        file.truncate(16 * 2**20)
    subprocess.run([mke2fs, "-q", "-F", "-t", "ext4", str(image)], check=True, timeout=60)
    folder.mkdir()
    command = ["mount", "-o", "loop", str(image), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here (it needs root and loop devices): {done.stderr.strip()[:100]}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=60)


def wrapped(path: Path, number: int) -> bytes:
    """Return the bytes of a key as it lies in the file."""
    at = (number & 0xFFFFF) * SLOT_BYTES
    return path.read_bytes()[at + 25 : at + 73]


@pytest.mark.req("B03", "T13", "G07")
def test_no_destroyed_key_is_in_the_raw_image(tmp_path: Path, figure: Say) -> None:
    """In any order of making and destroying: every live key is found in the image, and no destroyed one."""
    dice, image = random.Random(3), tmp_path / "disk.img"
    live: dict[int, bytes] = {}
    dead: list[bytes] = []
    with mounted(image, tmp_path / "keys") as folder:
        slots = KeySlots(folder / "slots.bin", MASTER)
        for _ in range(KEYS):
            number = slots.make("x")
            live[number] = wrapped(folder / "slots.bin", number)
            if dice.random() < 0.5:
                gone = dice.choice(sorted(live))
                slots.destroy(gone)
                dead.append(live.pop(gone))
    raw = image.read_bytes()
    found = sum(key in raw for key in dead)
    figure("G07", "destroyed keys in the raw ext4 image", got=found, goal=0, is_met=found == 0, cases=len(dead))
    assert len(dead) > 70
    assert all(key in raw for key in live.values()), "a look that finds nothing proves nothing"
    assert found == 0


@pytest.mark.req("B03", "G05")
def test_on_a_full_disk_no_key_is_made_and_every_key_can_be_destroyed(tmp_path: Path) -> None:
    """The key volume is full: a sentence for the administrator; destroying overwrites in place and needs no room."""
    with mounted(tmp_path / "disk.img", tmp_path / "keys") as folder:
        slots = KeySlots(folder / "slots.bin", MASTER)
        numbers = [slots.make("x") for _ in range(64)]
        with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(512))
        with pytest.raises(VaultError) as refused:
            slots.make("the sixty-fifth")
        assert refused.value.code == "key_disk"
        assert "Free space" in refused.value.todo
        for number in numbers:
            slots.destroy(number)
        assert not set(numbers) & slots.used()
