"""Looks for bytes where nothing may be left: files, memory of running processes, file-system images."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil

_WINDOW_BYTES = 16 * 2**20
_MAPPED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+)")
MOST_BYTES = 32
"""The longest needle: what lies across two windows is found too."""


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes that betray something, of one kind."""

    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Hit:
    """A needle that was found."""

    kind: str
    body: bytes
    where: str


def windows_of(body: bytes, *, count: int, bytes_: int = 24) -> list[bytes]:
    """Return so many pieces from all over a body; such as repeat a few bytes (silence, headers) are left out."""
    places = [(len(body) - bytes_) * n // count for n in range(count)] if len(body) > bytes_ else []
    found = {body[place : place + bytes_] for place in places}
    return [piece for piece in sorted(found) if len(set(piece)) > bytes_ // 2]


def in_files(folders: Iterable[Path], needles: Sequence[Needle]) -> Iterator[Hit]:
    """Yield what is found in every file below the folders, whatever it is called."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield from in_file(path, needles)


def in_file(path: Path, needles: Sequence[Needle]) -> Iterator[Hit]:
    """Yield what is found in one file, or in the image of a whole disk."""
    matcher = _Matcher(needles)
    with path.open("rb") as file:
        for window in _windows(partial(_read, file.fileno()), 0, path.stat().st_size):
            yield from (Hit(needle.kind, needle.body, str(path)) for needle in matcher.find(window))


def in_memory(pid: int, needles: Sequence[Needle]) -> Iterator[Hit]:
    """Yield what is found in the memory that a process can write to. Needs the rights of a debugger."""
    matcher = _Matcher(needles)
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = _MAPPED.match(line)
            if found is None or "w" not in found[3]:
                continue
            for window in _windows(partial(_read, memory.fileno()), int(found[1], 16), int(found[2], 16)):
                where = f"memory of {pid}"
                yield from (Hit(needle.kind, needle.body, where) for needle in matcher.find(window))


def family(pid: int) -> list[int]:
    """Return a process and everything it started."""
    first = psutil.Process(pid)
    return [first.pid, *(child.pid for child in first.children(recursive=True))]


def counted(hits: Iterable[Hit]) -> Counter[tuple[str, str]]:
    """Count different needles by kind and place."""
    return Counter((hit.kind, hit.where) for hit in set(hits))


def _read(file: int, at: int, count: int) -> bytes:
    try:
        return os.pread(file, count, at)
    except OSError:  # a page that is mapped and not there
        return b""


def _windows(read: Callable[[int, int], bytes], begin: int, end: int) -> Iterator[bytes]:
    for at in range(begin, end, _WINDOW_BYTES):
        yield read(at, min(_WINDOW_BYTES + MOST_BYTES, end - at))


class _Matcher:
    """Finds many needles in one pass: by their first two bytes, then by four, then whole."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._by_start: dict[int, list[Needle]] = {}
        self._pairs = np.zeros(2**16, dtype=bool)
        for needle in needles:
            start = int.from_bytes(needle.body[:4], "little")
            self._by_start.setdefault(start, []).append(needle)
            self._pairs[start & 0xFFFF] = True
        self._starts = np.array(sorted(self._by_start), dtype=np.uint32)

    def find(self, window: bytes) -> Iterator[Needle]:
        """Yield each needle that is in a window, as often as it is there."""
        for shift in (0, 1):
            count = (len(window) - shift - 4) // 2
            if count <= 0:
                return
            pairs = np.frombuffer(window, "<u2", count + 1, shift)
            likely = np.flatnonzero(self._pairs[pairs[:-1]])
            starts = pairs[likely].astype(np.uint32) | pairs[likely + 1].astype(np.uint32) << 16
            is_start = np.isin(starts, self._starts)
            for at, start in zip(likely[is_start] * 2 + shift, starts[is_start], strict=True):
                yield from (each for each in self._by_start[int(start)] if window.startswith(each.body, int(at)))
