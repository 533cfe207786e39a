"""Names of medicines and conditions, heard with the chart's hints and without them (B11).

    python -m benchmarks.names --cache FOLDER [--model KOKORO.onnx --voices VOICES.npz] [--out FILE]

The sentences are names.json's; their sound is made once with Kokoro voices (package `kokoro-onnx`, installed apart) and
kept in the cache. Hints are what a chart gives: the name that is said among nine that are not, in a fixed order. A hit
is the whole name; a false insertion is a hint in the text of a sentence that does not hold it.
"""

import argparse
import json
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.guards import plain
from smart_app.transcript.whisper import WhisperTranscriber

SENTENCES = Path(__file__).with_name("names.json")
VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george", "af_bella", "am_adam", "bf_isabella", "am_puck")
HINTS = 10
"""Names in a chart's hint."""
_STEP = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One sentence, the name in it (empty: none), and the hints that the chart would give."""

    number: int
    text: str
    name: str
    hints: tuple[str, ...]


def sentences() -> list[Said]:
    """Return all sentences in order."""
    data = json.loads(SENTENCES.read_text(encoding="utf-8"))
    names = [*data["medicines"], *data["conditions"]]
    told = [(name, data["about_medicines"][i % 4].format(name)) for i, name in enumerate(data["medicines"])]
    told += [(name, data["about_conditions"][i % 4].format(name)) for i, name in enumerate(data["conditions"])]
    told += [("", text) for text in data["without_names"]]
    out = []
    for number, (name, text) in enumerate(told):
        others = [names[(number * _STEP + k) % len(names)] for k in range(HINTS + 1)]
        hints = [other for other in others if other != name][: HINTS - 1 if name else HINTS]
        if name:
            hints.insert(number % HINTS, name)
        out.append(Said(number=number, text=text, name=name, hints=tuple(hints)))
    return out


def make(said: Said, path: Path, kokoro: Any) -> None:
    """Speak one sentence into a WAV file of 16 kHz."""
    voice = VOICES[said.number % len(VOICES)]
    samples, rate = kokoro.create(said.text, voice=voice, lang="en-gb" if voice.startswith("b") else "en-us")
    at = np.arange(int(len(samples) * SAMPLE_RATE / rate)) * rate / SAMPLE_RATE
    sound = np.interp(at, np.arange(len(samples)), samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def sound_of(path: Path) -> Sound:
    """Read a cached sentence, with half a second of silence on both sides."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
    return np.pad(samples, SAMPLE_RATE // 2)


def main() -> int:
    """Make what is missing, recognise every sentence twice, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.names", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", help="Kokoro's weights; needed for sentences that are not in the cache")
    parser.add_argument("--voices", help="an NPZ of the voices")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    kokoro: Any = None
    if given.model:
        from kokoro_onnx import Kokoro  # not a dependency of Chartside

        kokoro = Kokoro(given.model, given.voices)
    transcriber = WhisperTranscriber(cpu_threads=2)
    rows = []
    for said in sentences():
        path = given.cache / f"{said.number:03d}.wav"
        if kokoro and not path.exists():
            make(said, path, kokoro)
        if not path.exists():
            continue
        row: dict[str, Any] = {"name": said.name, "text": said.text}
        for way, hints in (("without", ()), ("with", said.hints)):
            heard = plain(" ".join(word.text for word in transcriber.transcribe(sound_of(path), hotwords=hints).words))
            row[way] = heard
            row[f"hit_{way}"] = bool(said.name) and said.name in heard
            row[f"false_{way}"] = sum(hint in heard for hint in said.hints if hint != said.name)
        rows.append(row)
    named = [row for row in rows if row["name"]]
    figures = {
        "sentences": len(rows),
        "names": len(named),
        **{f"hits_{way}": sum(row[f"hit_{way}"] for row in named) for way in ("without", "with")},
        **{f"false_{way}": sum(row[f"false_{way}"] for row in rows) for way in ("without", "with")},
    }
    print(json.dumps(figures, indent=2))
    if given.out:
        given.out.write_text(json.dumps({**figures, "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
