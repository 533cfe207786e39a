"""The guarded child that opens hostile media: bytes in on stdin, 16 kHz PCM out on stdout, nothing else.

It is run as a file (`python -I decode_child.py`), imports nothing of ours, and gives up every right that it does not
need before it parses the first byte: no new file descriptor (so no file, no socket), capped CPU, memory and file size.

    stdin   one JSON line {"format": "webm", "channels": 1|2|null, "max_s": 10800.0}, then the file until end of input;
            "channels": null takes all that there are; "stream" is the number of a stream of sound, the first without;
            with "is_fed": true the file comes in pieces (length, 4 bytes, little endian; bytes), an empty one ends it;
            "from_s": sound before it is neither decoded nor sent
    stdout  records: tag (1 byte), length (4 bytes, little endian), body
            H {"channels": n, "streams": how many there are}       once, before the sound
            S int16 samples, interleaved
            W nothing               fed only: all that can be decoded was sent, the next piece is waited for
            E {"error": code, "codec": name} or {"heard_s", "missing_s", "dropped_s", "is_cut", "holes", "announced_s"}
              once, last; "holes" are the first of those in missing_s, each [start, end]; "announced_s" is the length
              that the file gives itself, null where it gives none
"""

import ctypes
import io
import json
import os
import resource
import struct
import sys
from collections.abc import Iterator
from typing import Any

RATE = 16_000
MAX_STREAMS = 8
MAX_CHANNELS = 8
MAX_HOLES = 100
MAX_MEMORY_BYTES = 1 << 30
CODECS = frozenset({"opus", "vorbis", "flac", "aac"})
DEMUXERS = frozenset({"webm", "mp4", "wav", "flac", "ogg"})

COUNTED_FROM_ZERO = frozenset({"webm", "mp4"})
"""What a recorder's own stamps count from its start: when the first piece is lost, the others keep their time."""

RUN_UP_S = 1.0
"""Decoded before the moment asked for, and not sent: the codec builds on what came before."""
MISSING_S = 0.1
"""A hole in the time stamps longer than this is filled with silence; shorter ones are rounding of the container."""
BATCH_FRAMES = 50
JUMP_S = 2.0
"""A leap longer than this is believed only when the next frame agrees: a damaged stamp must not move the rest."""

UNKNOWN_SIZE = 0x7FFF0000
"""From here on, a size in a WAV file is what a recorder wrote that did not know it yet."""

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38


class Refused(Exception):
    """The media cannot be used; the argument is the code for MediaRejected, `codec` what it is encoded with."""

    def __init__(self, code: str, codec: str = "") -> None:
        super().__init__(code)
        self.codec = codec


def leave_the_network() -> None:
    """Enter an empty network namespace where the kernel lets us; the ban on descriptors holds without it too."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)


def give_up_rights(max_s: float, media_bytes: int) -> None:
    """Set the limits that a decoder of `max_s` seconds needs and no more."""
    cpu_s = 10 + int(max_s / 30)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 2))
    memory_bytes = MAX_MEMORY_BYTES + 2 * media_bytes
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def send(tag: bytes, body: bytes) -> None:
    """Write one record."""
    sys.stdout.buffer.write(tag + struct.pack("<I", len(body)) + body)


def _form(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class Track:
    """Frames laid on the clock of their container: holes become silence, repeats are left out.

    `at_s` is the end of the sound sent so far; all figures are in seconds of the source.
    """

    def __init__(
        self, av: Any, channels: int, max_s: float, *, layout: str, begins_at_zero: bool, from_s: float = 0.0
    ) -> None:
        import numpy as np

        self._av = av
        self._join = np.concatenate
        self._channels = channels
        self._layout = layout
        self._max_s = max_s
        self._resampler = self._new_resampler()
        self._batch: list[Any] = []
        self._held: Any = None
        self._first = self._sent = round(from_s * RATE)
        self._origin_s: float | None = 0.0 if begins_at_zero else None
        self._has_begun = False
        self.at_s = from_s
        self.heard_s = self.missing_s = self.dropped_s = 0.0
        self.holes: list[tuple[float, float]] = []

    def _new_resampler(self) -> Any:
        return self._av.AudioResampler(format="s16", layout=self._layout, rate=RATE)

    def add(self, frame: Any) -> None:
        """Take the next decoded frame. Raises Refused when the sound grows beyond the cap."""
        length_s = frame.samples / frame.sample_rate
        start_s = self._start_s(frame)
        leap_s = start_s - self.at_s
        if leap_s > JUMP_S and self._held is None:
            self._held = frame
            return
        held, self._held = self._held, None
        if held is not None:
            if abs(start_s - self._start_s(held) - held.samples / held.sample_rate) < JUMP_S:
                self._place(held, self._start_s(held))
            else:
                self.dropped_s += held.samples / held.sample_rate
            if leap_s > JUMP_S and self.at_s + JUMP_S < start_s:
                self._held = frame
                return
        if start_s + length_s < self.at_s - MISSING_S and self._sent:
            self.dropped_s += length_s
            return
        self._place(frame, start_s)

    def _start_s(self, frame: Any) -> float:
        if frame.pts is None or frame.time_base is None:
            return self.at_s
        stamp_s = float(frame.pts * frame.time_base)
        # A first stamp beyond the cap counts from somewhere else than the beginning, e.g. from the clock's.
        if self._origin_s is None or (not self._has_begun and stamp_s > self._max_s):
            self._origin_s = stamp_s
        self._has_begun = True
        return stamp_s - self._origin_s

    def is_over(self, packet: Any) -> bool:
        """Say whether a packet lies so long before the moment asked for that it need not be decoded."""
        if self.heard_s or not self._has_begun or self._origin_s is None or packet.pts is None:
            return False
        return float(packet.pts * packet.time_base) - self._origin_s < self.at_s - RUN_UP_S

    def _place(self, frame: Any, start_s: float) -> None:
        length_s = frame.samples / frame.sample_rate
        if not self.heard_s and self.at_s > start_s:
            # The first frame of a later beginning keeps its own time; what of it is too early is not sent.
            self.at_s, self._sent = start_s, round(start_s * RATE)
        hole_s = start_s - self.at_s
        if hole_s > JUMP_S and start_s + length_s > self._max_s:
            self.dropped_s += length_s
            return
        if hole_s > MISSING_S:
            self._drain()
            self.missing_s += hole_s
            if len(self.holes) < MAX_HOLES:
                self.holes.append((round(self.at_s, 2), round(start_s, 2)))
            self.at_s = start_s
            self._pad()
        self.at_s += length_s
        self.heard_s += length_s
        if self.at_s > self._max_s:
            raise Refused("too_long")
        if self._batch and _form(frame) != _form(self._batch[0]):
            self._resample()
        self._batch.append(frame)
        if len(self._batch) >= BATCH_FRAMES:
            self._resample()

    def _resample(self) -> None:
        """Resample the waiting frames as one: the filter graph's price is per frame, not per sample."""
        if not self._batch:
            return
        first = self._batch[0]
        axis = 1 if first.format.is_planar else -1
        joined = self._join([frame.to_ndarray() for frame in self._batch], axis=axis)
        frame = self._av.AudioFrame.from_ndarray(joined, format=first.format.name, layout=first.layout.name)
        frame.sample_rate = first.sample_rate
        self._batch = []
        for out in self._resampler.resample(frame):
            self._send(out)

    def tell(self) -> None:
        """Send what waits to be resampled together."""
        self._resample()

    def _drain(self) -> None:
        self._resample()
        for out in self._resampler.resample(None):
            self._send(out)
        self._resampler = self._new_resampler()

    def _send(self, frame: Any) -> None:
        if frame.samples:
            early = min(max(0, self._first - self._sent), frame.samples)
            self._sent += frame.samples
            send(b"S", frame.to_ndarray()[:, self._channels * early :].tobytes())

    def _pad(self) -> None:
        """Fill with silence up to `at_s`, in pieces, so that a hole of hours needs no memory."""
        missing = int(self.at_s * RATE) - self._sent
        while missing > 0:
            piece = min(missing, RATE * 10)
            send(b"S", bytes(2 * self._channels * piece))
            self._sent += piece
            missing -= piece

    def close(self) -> None:
        """Send what the resampler still holds."""
        if self._held is not None:
            self._place(self._held, self._start_s(self._held))
            self._held = None
        self._drain()


class Fed:
    """Media that comes in pieces; before it waits for the next one, it has all that was decoded so far sent."""

    def __init__(self) -> None:
        self._piece = io.BytesIO()
        self._is_over = False
        self.track: Track | None = None

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; nothing once the parent ended the media, or died."""
        taken = self._piece.read(size)
        if taken or self._is_over:
            return taken
        if self.track is not None:
            self.track.tell()
        send(b"W", b"")
        sys.stdout.buffer.flush()
        head = sys.stdin.buffer.read(4)
        self._piece = io.BytesIO(sys.stdin.buffer.read(struct.unpack("<I", head)[0]) if len(head) == 4 else b"")
        self._is_over = not self._piece.getbuffer().nbytes
        return self._piece.read(size)


def frames(av: Any, container: Any, stream: Any, track: Track) -> Iterator[Any]:
    """Yield what decodes; a damaged packet is skipped, a file that ends in mid-element ends the sound.

    The caller reads `stream.codec_context`; a final None says that the file was cut or damaged.
    """
    is_damaged = False
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.FFmpegError:
            is_damaged = True
            break
        if track.is_over(packet):
            continue
        try:
            yield from packet.decode()
        except av.FFmpegError:
            is_damaged = True
    if is_damaged:
        yield None


def opened(av: Any, media: io.BytesIO | Fed, demuxer: str, number: int) -> tuple[Any, Any]:
    """Open with the demuxer we name, never one that the content names; return container and a stream of sound."""
    try:
        container = av.open(media, format=demuxer, metadata_errors="ignore")
    except av.FFmpegError as error:
        raise Refused("broken") from error
    if len(container.streams) > MAX_STREAMS:
        raise Refused("broken")
    if len(container.streams.audio) <= number:
        raise Refused("empty")
    stream = container.streams.audio[number]
    if stream.codec_context is None:  # no codec that libav knows: damage
        raise Refused("broken")
    codec = stream.codec_context.codec
    if not (codec.name in CODECS or (demuxer == "wav" and codec.name.startswith("pcm_"))):
        raise Refused("codec", codec.canonical_name)
    if stream.codec_context.channels > MAX_CHANNELS:
        raise Refused("channels")
    return container, stream


def announced_s(container: Any, stream: Any, media: io.BytesIO, demuxer: str) -> float | None:
    """Return the length that a file gives itself, so that an early end shows; None where it gives none."""
    if demuxer == "wav":
        return announced_of_wav(media.getbuffer(), stream.codec_context.bit_rate / 8)
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    # The container's length is that of its longest stream, which may be the picture.
    is_sound_alone = len(container.streams) == len(container.streams.audio)
    return container.duration / 1_000_000 if container.duration and is_sound_alone else None


def lacks_its_end(media: io.BytesIO, demuxer: str) -> bool:
    """Say whether the last page of an Ogg file is not marked as the last (RFC 3533, section 6): it was cut."""
    content = media.getvalue() if demuxer == "ogg" else b""
    last = content.rfind(b"OggS")
    return 0 <= last < len(content) - 5 and not content[last + 5] & 4


def announced_of_wav(content: memoryview, bytes_a_second: float) -> float | None:
    """Return the length of the sound that a WAV file's chunk "data" announces; 0 and the largest mean "not known"."""
    at = 12
    while at + 8 <= len(content) and bytes_a_second:
        name, size = struct.unpack_from("<4sI", content, at)
        if name == b"data":
            return size / bytes_a_second if 0 < size < UNKNOWN_SIZE else None
        at += 8 + size + size % 2
    return None


def decode(av: Any, media: io.BytesIO | Fed, order: dict[str, Any]) -> dict[str, Any]:
    """Decode to stdout; return the closing figures. Raises Refused."""
    container, stream = opened(av, media, order["format"], order.get("stream", 0))
    channels = order["channels"] or stream.codec_context.channels
    send(b"H", json.dumps({"channels": channels, "streams": len(container.streams.audio)}).encode())
    track = Track(
        av,
        channels,
        order["max_s"],
        # More than two are never mixed: each keeps the place that it has.
        layout={1: "mono", 2: "stereo"}.get(channels, stream.codec_context.layout.name),
        begins_at_zero=order["format"] in COUNTED_FROM_ZERO,
        from_s=order.get("from_s", 0.0),
    )
    if isinstance(media, Fed):
        media.track = track
    is_cut = False
    for frame in frames(av, container, stream, track):
        if frame is None:
            is_cut = True
        else:
            track.add(frame)
    track.close()
    if not track.heard_s:
        raise Refused("broken" if is_cut else "empty")
    figures = {"heard_s": track.heard_s, "missing_s": track.missing_s, "dropped_s": track.dropped_s}
    if isinstance(media, Fed):
        return {**figures, "is_cut": is_cut}
    is_cut = is_cut or lacks_its_end(media, order["format"])
    length_s = announced_s(container, stream, media, order["format"])
    return {**figures, "is_cut": is_cut, "holes": track.holes, "announced_s": length_s}


def warm(av: Any) -> None:
    """Decode a scrap of our own making: it loads every module that decoding needs while files can still be opened."""
    import numpy as np

    scrap = io.BytesIO()
    with av.open(scrap, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 480), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    scrap.seek(0)
    with av.open(scrap, format="wav", metadata_errors="ignore") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in container.decode(container.streams.audio[0]):
            for out in resampler.resample(frame):
                out.to_ndarray().tobytes()


def main() -> int:
    """Read the order and the media, answer with records."""
    leave_the_network()
    import av

    av.logging.set_level(av.logging.PANIC)
    warm(av)
    order = json.loads(sys.stdin.buffer.readline())
    if order["format"] not in DEMUXERS:
        return 2
    media = Fed() if order.get("is_fed") else io.BytesIO(sys.stdin.buffer.read())
    give_up_rights(order["max_s"], 0 if isinstance(media, Fed) else media.getbuffer().nbytes)
    try:
        end = decode(av, media, order)
    except Refused as refusal:
        end = {"error": str(refusal), "codec": refusal.codec}
    except (av.FFmpegError, MemoryError, ValueError, OverflowError, ArithmeticError):
        end = {"error": "broken"}
    send(b"E", json.dumps(end).encode())
    sys.stdout.buffer.flush()
    # Tearing libav down needs nothing from us, and a crash there would hide a good answer.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
