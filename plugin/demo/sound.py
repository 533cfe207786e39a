"""The bundled sample call, cut into what browsers would have recorded: one mono Opus track per speaker."""

import io
import wave
from pathlib import Path

import av
import numpy as np

CALL = Path(__file__).parent.parent / "sandbox" / "sample" / "therapy_call.webm"
CLINICIAN, CLIENT = 0, 1
_RATE = 48_000
_CHUNK_BYTES = 40_000
"""About ten seconds at 32 kbit/s."""


def channel(number: int, *, start_s: float = 0.0, end_s: float = 1e9) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return one speaker's sound: shape (n,), int16, 48 kHz."""
    parts = []
    with av.open(str(CALL), format="webm") as container:
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=_RATE)
        for frame in container.decode(audio=0):
            parts += [piece.to_ndarray()[number] for piece in resampler.resample(frame)]
    sound = np.concatenate(parts)
    return sound[int(start_s * _RATE) : int(min(end_s, len(sound) / _RATE) * _RATE)]


def webm(sound: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bytes:
    """Encode mono sound as Opus in WebM, 32 kbit/s, as the recorder does."""
    body = io.BytesIO()
    with av.open(body, "w", format="webm") as container:
        options = {"compression_level": "1"}  # quick; the sample needs no more
        stream = container.add_stream("libopus", rate=_RATE, bit_rate=32_000, layout="mono", options=options)
        for start in range(0, len(sound), _RATE):
            frame = av.AudioFrame.from_ndarray(sound[None, start : start + _RATE], format="s16", layout="mono")
            frame.sample_rate, frame.pts = _RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return body.getvalue()


def wav(number: int, path: Path, *, start_s: float = 0.0, end_s: float = 1e9) -> Path:
    """Write one speaker's sound as a 16-bit 48 kHz WAV, for a browser's fake microphone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(channel(number, start_s=start_s, end_s=end_s).tobytes())
    return path


def tracks(*, end_s: float = 1e9) -> dict[bool, list[bytes]]:
    """Return the call's chunks by is_clinician."""
    found = {}
    for number in (CLINICIAN, CLIENT):
        body = webm(channel(number, end_s=end_s))
        found[number == CLINICIAN] = [body[at : at + _CHUNK_BYTES] for at in range(0, len(body), _CHUNK_BYTES)]
    return found
