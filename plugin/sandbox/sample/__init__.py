"""The sample session, and parts of it as the sound of a browser's fake microphone."""

import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

CALL = Path(__file__).with_name("therapy_call.webm")
WORDS = Path(__file__).with_name("therapy_call.json")
CLINICIAN, CLIENT = 0, 1
MICROPHONE_HZ = 48_000


def channel(number: int, start_s: float = 0.0, end_s: float = 1e9) -> NDArray[np.int16]:
    """Return one speaker's sound from `start_s` to `end_s`: shape (n,), int16, 48 kHz."""
    resampler = av.AudioResampler(format="s16p", layout="stereo", rate=MICROPHONE_HZ)
    pieces: list[Any] = []
    with av.open(str(CALL), mode="r", format="webm") as container:
        for frame in container.decode(audio=0):
            pieces += [out.to_ndarray()[number] for out in resampler.resample(frame)]
            if frame.time is not None and frame.time > end_s + 1:
                break
    sound: NDArray[np.int16] = np.concatenate(pieces)
    return sound[int(start_s * MICROPHONE_HZ) : int(min(end_s, len(sound) / MICROPHONE_HZ) * MICROPHONE_HZ)]


def channel_wav(number: int, start_s: float, end_s: float, path: Path) -> None:
    """Write one speaker's sound, from `start_s` to `end_s`, as a 16-bit mono WAV at 48 kHz."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(MICROPHONE_HZ)
        out.writeframes(channel(number, start_s, end_s).tobytes())
