"""Media to sound, through a guarded child process; this process never opens what a browser sent (T09)."""

import json
import os
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from smart_app.errors import MediaRejected, TranscriptFailed
from smart_app.ports import SAMPLE_RATE

Channels = Literal[1, 2]
Sounds = NDArray[np.float32]
"""Shape (channels, n), float32 in [-1, 1], 16 kHz."""

BROWSER_DEFAULT = "webm"
WEBM = frozenset({BROWSER_DEFAULT})
FILES = frozenset({"webm", "mp4", "wav", "flac", "ogg"})
"""What the command line takes; an upload is only ever what its browser registered: WebM, MP4 or Ogg."""

PART_S = 300.0
STALL_S = 60.0
"""A child that neither reads nor writes for so long is stuck and is killed."""
PIPE_BYTES = 1 << 16

_CHILD = Path(__file__).with_name("decode_child.py")
_MAGIC = {b"\x1aE\xdf\xa3": "webm", b"RIFF": "wav", b"fLaC": "flac", b"OggS": "ogg"}
_MP4_TYPE_BOX = b"ftyp"
"""An MP4 file begins with its type box: four bytes of length, then this (ISO/IEC 14496-12, section 4.3)."""
_REFUSALS = {
    "not_webm": ("This file is not a recording that can be read.", "Give a WebM, MP4, Ogg, WAV or FLAC file."),
    "not_mp4": ("The recording is not the MP4 that the browser announced.", "Record again in a current browser."),
    "not_ogg": ("The recording is not the Ogg that the browser announced.", "Record again in a current browser."),
    "too_long": ("The recording is longer than allowed.", "Split the session, or ask your admin to raise the limit."),
    "broken": ("The recording is damaged and no sound can be read from it.", "Record again."),
    "codec": ("The sound is encoded as {codec}, which is not read here.", "Convert it to WAV, FLAC, Opus or AAC."),
    "channels": ("The recording has more than eight channels.", "Give the channels of the people who speak."),
    "empty": ("The recording holds no sound.", "Check the microphone and record again."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Sound with an account of what was lost on the way, in seconds."""

    sound: Sounds
    missing_s: float
    """Holes (a chunk that never arrived), filled with silence so that later words keep their time."""
    dropped_s: float
    """Sound left out because its time stamp was impossible, or repeated what was there."""
    is_cut: bool
    """The file ends in the middle, as after a crash, or a part of it does not decode."""


def decode(
    media: bytes | Sequence[bytes], *, max_s: float, channels: Channels = 1, formats: frozenset[str] = WEBM
) -> NDArray[np.float32]:
    """Decode to sound at 16 kHz, float32 in [-1, 1]: shape (n,) for one channel, else (channels, n).

    `media` is a file's bytes, or one run's chunks in order (a missing one leaves a hole of silence).
    Raises MediaRejected (not_webm, not_mp4, not_ogg, too_long, broken, codec, empty), TranscriptFailed when the decoder
    itself was stopped.
    """
    sound = decode_with_account(media, max_s=max_s, channels=channels, formats=formats).sound
    return sound[0] if channels == 1 else sound


def decode_with_account(
    media: bytes | Sequence[bytes], *, max_s: float, channels: Channels | None = 1, formats: frozenset[str] = WEBM
) -> Decoded:
    """Decode as `decode` does to shape (channels, n), and say what was lost.

    `channels=None` takes the file's own number.
    """
    decoding = Decoding(media, max_s=max_s, channels=channels, formats=formats)
    parts = list(decoding.parts())
    end = decoding.end
    return Decoded(
        sound=np.concatenate(parts, axis=1),
        missing_s=round(float(end["missing_s"]), 3),
        dropped_s=round(float(end["dropped_s"]), 3),
        is_cut=bool(end["is_cut"]),
    )


class Decoding:
    """One child at work; `parts` yields sound as it comes, so that hours need no more memory than minutes."""

    def __init__(
        self,
        media: bytes | Sequence[bytes],
        *,
        max_s: float,
        channels: Channels | None = 1,
        formats: frozenset[str] = WEBM,
        stream: int = 0,
        stall_s: float = STALL_S,
    ) -> None:
        self._pieces: Sequence[bytes] = [media] if isinstance(media, bytes) else media
        demuxer = sniffed(self._pieces, formats)
        self._order = {"format": demuxer, "channels": channels, "stream": stream, "max_s": max_s}
        self._stall_s = stall_s
        self.streams = 1
        """How many streams of sound there are, known once the first part came."""
        self.end: dict[str, Any] = {}
        """The child's closing figures, there once `parts` is exhausted."""

    def parts(self, *, part_s: float = PART_S) -> Iterator[Sounds]:
        """Yield pieces of about `part_s` seconds, each of shape (channels, n). Raises as `decode` does."""
        child = started()
        try:
            pipe = Pipe(child, self._stall_s)
            pipe.write(json.dumps(self._order).encode() + b"\n", *self._pieces)
            yield from self._received(pipe, int(part_s * SAMPLE_RATE))
        finally:
            put_away(child)

    def _received(self, pipe: "Pipe", part_samples: int) -> Iterator[Sounds]:
        channels, waiting, waiting_bytes = 1, [], 0
        while True:
            tag, body = pipe.record()
            if tag == b"H":
                head = json.loads(body)
                channels, self.streams = int(head["channels"]), int(head["streams"])
            elif tag == b"S":
                waiting.append(body)
                waiting_bytes += len(body)
                if waiting_bytes >= 2 * channels * part_samples:
                    yield sounds_of(waiting, channels)
                    waiting, waiting_bytes = [], 0
            else:
                self.end = json.loads(body)
                break
        if "error" in self.end:
            raise refusal(self.end["error"], self.end.get("codec", ""))
        if waiting:
            yield sounds_of(waiting, channels)


class Pipe:
    """The two pipes of a child, with a deadline on every wait."""

    def __init__(self, child: subprocess.Popen[bytes], stall_s: float) -> None:
        if child.stdin is None or child.stdout is None:
            raise TranscriptFailed("decoder_failed", "The sound decoder could not be started.", "Try again.")
        self._child = child
        self._stdin: IO[bytes] = child.stdin
        self._stdout: IO[bytes] = child.stdout
        self._stall_s = stall_s
        self._buffer = bytearray()
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stdout.fileno(), False)

    def write(self, *pieces: bytes) -> None:
        """Give the child its whole input and close it; a child that died is found out by reading."""
        try:
            self.send(*pieces)
        except BrokenPipeError:
            return
        self._stdin.close()

    def send(self, *pieces: bytes) -> None:
        """Give the child a part of its input. Raises BrokenPipeError when it died."""
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                self._wait(self._stdin, selectors.EVENT_WRITE)
                rest = rest[os.write(self._stdin.fileno(), rest[:PIPE_BYTES]) :]

    def record(self) -> tuple[bytes, bytes]:
        """Return the next record's tag and body."""
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("<I", head[1:])[0])

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._wait(self._stdout, selectors.EVENT_READ)
            got = os.read(self._stdout.fileno(), PIPE_BYTES)
            if not got:
                raise self._death()
            self._buffer += got
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _wait(self, stream: IO[bytes], event: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(stream, event)
            until = time.monotonic() + self._stall_s
            while not selector.select(max(0.0, until - time.monotonic())):
                if time.monotonic() >= until:
                    self._child.kill()
                    raise refusal("broken")

    def _death(self) -> MediaRejected | TranscriptFailed:
        """Tell a child that the media killed from one that the machine stopped (out of memory, shutdown)."""
        code = self._child.wait(timeout=self._stall_s)
        if code in (-9, -15) or code > 0:
            return TranscriptFailed("decoder_stopped", "The sound decoder was stopped before it ended.", "Try again.")
        return refusal("broken")


def refusal(code: str, codec: str = "") -> MediaRejected:
    """Return the error for one of the codes not_webm, not_mp4, not_ogg, too_long, broken, codec, channels, empty."""
    public, todo = _REFUSALS[code]
    return MediaRejected(code, public.format(codec=codec.upper()), todo)


def sniffed(pieces: Sequence[bytes], formats: frozenset[str]) -> str:
    """Name the demuxer by the first bytes, which must be of a type that is expected here."""
    head = b""
    for piece in pieces:
        head += piece[:12]
        if len(head) >= 12:
            break
    if not head:
        raise refusal("empty")
    name = "mp4" if head[4:8] == _MP4_TYPE_BOX else _MAGIC.get(head[:4], "")
    if name not in formats:
        raise refusal(f"not_{next(iter(formats))}" if len(formats) == 1 else "not_webm")
    return name


def started() -> subprocess.Popen[bytes]:
    """Start the child with an empty environment but for what its interpreter needs to load."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    env = {**kept, "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(  # noqa: S603 - our own file and interpreter, no shell, no argument from outside
            [sys.executable, "-I", "-B", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            cwd="/",
            close_fds=True,
            bufsize=0,
        )
    except OSError as error:
        raise TranscriptFailed("decoder_failed", "The sound decoder could not be started.", "Try again.") from error


def put_away(child: subprocess.Popen[bytes]) -> None:
    """Have a child gone, whatever it is doing, and its pipes closed."""
    if child.poll() is None:
        child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None and not stream.closed:
            stream.close()


def sounds_of(bodies: Sequence[bytes], channels: int) -> Sounds:
    """Turn the bodies of sound records into sound of shape (channels, n)."""
    samples = np.frombuffer(b"".join(bodies), dtype="<i2").reshape(-1, channels)
    return np.ascontiguousarray(samples.T, dtype=np.float32) / np.float32(32768)
