"""Which voices recordings on disk hold, looked at before they are heard: nobody is left out, and nobody heard twice.

Every channel of every stream of sound is a voice, but for one that holds nearly the same sound as another.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smart_app.errors import BadInput, shown
from smart_app.ports import SAMPLE_RATE
from smart_app.transcript.decode import FILES, Decoding, Sounds

MAX_FILE_BYTES = 2 << 30
MAX_S = 6 * 3600.0
PART_S = 120.0
SAME_SHARE = 0.01
"""Two channels whose difference has less than this share of their power are one microphone's (20 dB)."""
SILENT = 1e-9
"""Mean power (-90 dB) below which a channel holds nothing that another could repeat."""
LEAST_LOST_S = 0.5
"""Shorter differences from the length that a file announces are the container's rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of sound of a file, and what of it cannot be heard."""

    path: Path
    number: int
    channels: tuple[int, ...]
    """Those that differ."""
    n_channels: int
    length_s: float
    ends_s: float
    """Where it would end by its own account; `length_s` where it gives none."""
    holes: tuple[tuple[float, float], ...]
    dropped_s: float
    is_cut: bool
    prints: Mapping[int, bytes] = field(repr=False)
    """A digest of the sound of each of `channels` that is not silent."""

    def parts(self) -> Iterator[Sounds]:
        """Yield the sound of the channels that differ. Raises as `Decoding.parts` does."""
        decoding = Decoding(content(self.path), max_s=MAX_S, channels=None, formats=FILES, stream=self.number)
        for part in decoding.parts(part_s=PART_S):
            yield part[list(self.channels)]

    @property
    def lost(self) -> tuple[tuple[float, float], ...]:
        """Return the stretches without sound, as far as their places are known."""
        is_early = self.ends_s - self.length_s > LEAST_LOST_S
        return (*self.holes, (round(self.length_s, 2), round(self.ends_s, 2))) if is_early else self.holes

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each kind of loss."""
        name = shown(self.path.name)
        if self.holes:
            where = ", ".join(f"{_clock(start_s)}-{_clock(end_s)}" for start_s, end_s in self.holes[:5])
            more = " and elsewhere" if len(self.holes) > 5 else ""
            seconds = sum(end_s - start_s for start_s, end_s in self.holes)
            yield f"{name} is damaged: {seconds:.1f} s of its sound are missing ({where}{more})."
        if self.ends_s - self.length_s > LEAST_LOST_S:
            yield f"{name} ends early: {self.length_s:.1f} s of {self.ends_s:.1f} s are there."
        elif self.is_cut:
            yield f"{name} is cut or damaged: what can be read of it was heard, the rest is lost."
        if self.dropped_s:
            yield f"{name} is damaged: {self.dropped_s:.1f} s of its sound have no place in time and were left out."


def streams_of(paths: Sequence[Path]) -> list[Stream]:
    """Look at every stream of every file. Raises BadInput (also for sound that is given twice), MediaRejected."""
    found: list[Stream] = []
    given: dict[bytes, int] = {}
    for index, path in enumerate(paths):
        first, count = _looked_at(path, 0)
        for stream in [first, *(_looked_at(path, number)[0] for number in range(1, count))]:
            twice = {channel for channel, digest in stream.prints.items() if digest in given}
            if any(given[stream.prints[channel]] != index for channel in twice):
                names = f"{shown(paths[given[stream.prints[min(twice)]]].name)} and {shown(path.name)}"
                raise BadInput("same_sound", f"The same sound is given twice, in {names}.", "Give each voice once.")
            given |= dict.fromkeys(stream.prints.values(), index)
            kept = tuple(each for each in stream.channels if each not in twice)
            found += [replace(stream, channels=kept)] if kept else []
    return found


def _looked_at(path: Path, number: int) -> tuple[Stream, int]:
    """Decode one stream from end to end; return what it holds, and how many streams the file has."""
    decoding = Decoding(content(path), max_s=MAX_S, channels=None, formats=FILES, stream=number)
    products: NDArray[np.float64] = np.zeros((0, 0))
    prints: list[hashlib._Hash] = []
    n_samples = 0
    for part in decoding.parts(part_s=PART_S):
        if not n_samples:
            products, prints = np.zeros((len(part), len(part))), [hashlib.sha256() for _ in part]
        exact = part.astype(np.float64)
        products += exact @ exact.T
        n_samples += part.shape[1]
        for digest, sound in zip(prints, part, strict=True):
            digest.update(np.ascontiguousarray(sound).tobytes())
    end = decoding.end
    length_s = n_samples / SAMPLE_RATE
    ends_s = end["announced_s"] or 0.0
    kept = _different(products, n_samples)
    stream = Stream(
        path=path,
        number=number,
        channels=kept,
        n_channels=len(products),
        length_s=length_s,
        ends_s=ends_s if length_s < ends_s <= MAX_S else length_s,
        holes=tuple((start_s, end_s) for start_s, end_s in end["holes"]),
        dropped_s=end["dropped_s"],
        is_cut=end["is_cut"],
        prints={n: prints[n].digest() for n in kept if products[n, n] > SILENT * n_samples},
    )
    return stream, decoding.streams


def _different(products: NDArray[np.float64], n_samples: int) -> tuple[int, ...]:
    """Return the channels that are not nearly the same as an earlier one, from the products of each with each."""
    kept: list[int] = []
    for n in range(len(products)):
        for other in kept:
            power = (products[n, n] + products[other, other]) / 2
            if power > SILENT * n_samples and 2 * (power - products[n, other]) < SAME_SHARE * power:
                break
        else:
            kept.append(n)
    return tuple(kept)


def content(path: Path) -> bytes:
    """Read the file. Raises BadInput with the reason in words."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput("too_large", f"{shown(path)} is larger than 2 GB.", "Split it into parts.")
        return path.read_bytes()
    except OSError as error:
        raise BadInput("unreadable", f"{shown(path)} cannot be read: {error.strerror}.") from error


def _clock(at_s: float) -> str:
    return f"{int(at_s) // 60}:{int(at_s) % 60:02d}"
