"""The bundled sample call as browsers would have recorded it: one mono Opus track for each speaker, in chunks."""

import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from plugin.sandbox.sample import CLIENT, CLINICIAN, MICROPHONE_HZ, channel, channel_wav

__all__ = ["CLIENT", "CLINICIAN", "tracks", "wav", "webm"]

_CHUNK_BYTES = 40_000
"""About ten seconds at 32 kbit/s."""


def webm(sound: NDArray[np.int16]) -> bytes:
    """Encode mono sound as Opus in WebM, 32 kbit/s, as the recorder does."""
    body = io.BytesIO()
    with av.open(body, "w", format="webm") as container:
        options = {"compression_level": "1"}  # quick; the sample needs no more
        stream = container.add_stream("libopus", rate=MICROPHONE_HZ, bit_rate=32_000, layout="mono", options=options)
        for start in range(0, len(sound), MICROPHONE_HZ):
            piece = sound[None, start : start + MICROPHONE_HZ]
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate, frame.pts = MICROPHONE_HZ, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return body.getvalue()


def wav(number: int, path: Path, *, start_s: float = 0.0, end_s: float = 1e9) -> Path:
    """Write one speaker's sound as a WAV for a browser's fake microphone; return the path."""
    channel_wav(number, start_s, end_s, path)
    return path


def tracks(*, end_s: float = 1e9) -> dict[bool, list[bytes]]:
    """Return the call's chunks by is_clinician."""
    found = {}
    for number in (CLINICIAN, CLIENT):
        body = webm(channel(number, end_s=end_s))
        found[number == CLINICIAN] = [body[at : at + _CHUNK_BYTES] for at in range(0, len(body), _CHUNK_BYTES)]
    return found
