"""Sounds and media files made for the tests."""

import io
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from smart_app.ports import SAMPLE_RATE, Sound

RECORDED = Path(__file__).with_name("data") / "media_recorder.webm"
SLICE_BYTES = (6241, 6574, 6086, 5593, 5509, 5511, 5348, 6409, 6536, 2319)
"""The sizes of the chunks in which MediaRecorder handed it over."""


def recorded_chunks() -> list[bytes]:
    """Return a real browser's recording as the chunks in which it came."""
    whole, chunks, at = RECORDED.read_bytes(), [], 0
    for size in SLICE_BYTES:
        chunks.append(whole[at : at + size])
        at += size
    return chunks


def media(
    sound: NDArray[np.float32],
    *,
    container: str = "webm",
    codec: str = "libopus",
    streams: int = 1,
    others: Sequence[NDArray[np.float32]] = (),
    container_options: dict[str, str] | None = None,
) -> bytes:
    """Encode sound of shape (channels, n) at 16 kHz into a file, in so many streams, and other sounds after it."""
    out = io.BytesIO()
    layout = "mono" if sound.shape[0] == 1 else "stereo"
    rate = 48_000 if codec == "libopus" else SAMPLE_RATE
    with av.open(out, mode="w", format=container, container_options=container_options or {}) as file:
        sounds = [*[sound] * streams, *others]
        tracks: list[Any] = [file.add_stream(codec, rate=rate, layout=layout) for _ in sounds]
        for track, each in zip(tracks, sounds, strict=True):
            samples = (np.clip(each.T, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate = SAMPLE_RATE
            size = track.codec_context.frame_size if codec == "alac" else 960
            resampler = av.AudioResampler(format=track.format.name, layout=layout, rate=rate, frame_size=size)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                file.mux(track.encode(piece))
            file.mux(track.encode(None))
    return out.getvalue()


def wav_of(sound: NDArray[np.float32]) -> bytes:
    """Return a WAV file of any number of channels."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(sound))
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound.T, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def silence(seconds: float, channels: int = 1) -> NDArray[np.float32]:
    """Return silence, shape (channels, n)."""
    return np.zeros((channels, int(seconds * SAMPLE_RATE)), np.float32)


def tone(seconds: float, hz: float = 440.0) -> Sound:
    """Return a steady tone, shape (n,)."""
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)


def noise(seconds: float, loudness: float = 0.1) -> Sound:
    """Return white noise, always the same, shape (n,)."""
    return np.random.default_rng(7).normal(0, loudness, int(seconds * SAMPLE_RATE)).astype(np.float32)


def chords(seconds: float) -> Sound:
    """Return music of a kind: three-note chords that change twice a second, with a soft attack, shape (n,)."""
    at_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    root = 220 * 2 ** (np.floor(at_s * 2) % 5 / 12)
    phase = np.cumsum(root) / SAMPLE_RATE
    swell = np.minimum(1, (at_s * 2 % 1) * 8) * np.exp(-3 * (at_s * 2 % 1))
    return (0.1 * swell * sum(np.sin(2 * np.pi * phase * ratio) for ratio in (1, 1.25, 1.5))).astype(np.float32)
