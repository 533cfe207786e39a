"""The sample session, and parts of it as the sound of a browser's fake microphone."""

import io
import wave
from pathlib import Path

import av
import numpy as np

CALL = Path(__file__).with_name("therapy_call.webm")
WORDS = Path(__file__).with_name("therapy_call.json")
CLINICIAN, CLIENT = 0, 1
MICROPHONE_HZ = 48_000


def channel_wav(channel: int, start_s: float, end_s: float, path: Path) -> None:
    """Write one channel of the sample, from `start_s` to `end_s`, as a 16-bit mono WAV at 48 kHz."""
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=MICROPHONE_HZ)
    pieces: list[bytes] = []
    with av.open(io.BytesIO(CALL.read_bytes()), mode="r", format="webm") as container:
        for frame in container.decode(container.streams.audio[0]):
            pieces += [out.to_ndarray().tobytes() for out in resampler.resample(frame)]
            if frame.time is not None and frame.time > end_s + 1:
                break
    samples = np.frombuffer(b"".join(pieces), dtype="<i2").reshape(-1, 2)
    cut = samples[int(start_s * MICROPHONE_HZ) : int(end_s * MICROPHONE_HZ), channel]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(MICROPHONE_HZ)
        out.writeframes(cut.tobytes())
