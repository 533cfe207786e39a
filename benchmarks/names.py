"""Names of medicines and conditions, heard with the chart's hints and without them (B11).

    python -m benchmarks.names --cache FOLDER [--model KOKORO.onnx --voices VOICES.npz] [--out FILE]

The sentences are names.json's; their sound is made once with Kokoro voices (package `kokoro-onnx`, installed apart) and
kept in the cache. Hints are what a chart gives: the name that is said among nine that are not, in a fixed order, or ten
that are not. A hit is the whole name. A false insertion is any of all names in the text of a sentence that does not
hold it. Other words are those of the sentence outside its name: wrong, missing, or put beside them.
"""

import argparse
import importlib
import json
import sys
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from smart_app.ports import SAMPLE_RATE, Sound, Transcriber
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


def others_wrong(said: str, name: str, heard: str) -> int:
    """Count the words outside the name that were heard wrongly or not at all, and those that nobody said."""
    truth, name_words = plain(said).split(), name.split()
    size = len(name_words)
    start = next((at for at in range(len(truth)) if size and truth[at : at + size] == name_words), -1)
    in_name = range(start, start + size)
    wrong = 0
    for chunk in jiwer.process_words(" ".join(truth), heard).alignments[0]:
        places = range(chunk.ref_start_idx, chunk.ref_end_idx)
        if chunk.type == "insert" and not start <= chunk.ref_start_idx <= in_name.stop:
            wrong += chunk.hyp_end_idx - chunk.hyp_start_idx
        elif chunk.type in ("substitute", "delete"):
            wrong += sum(place not in in_name for place in places)
    return wrong


def compared(said: Said, sound: Sound, transcriber: Transcriber, names: Sequence[str]) -> dict[str, Any]:
    """Recognise one sentence without the hints and with them."""
    row: dict[str, Any] = {"name": said.name, "text": said.text}
    for way, hints in (("without", ()), ("with", said.hints)):
        words = transcriber.transcribe(sound, hotwords=hints).words
        heard = plain(" ".join(word.text for word in words))
        row[way] = heard
        row[f"hit_{way}"] = bool(said.name) and _holds(heard, said.name)
        row[f"false_{way}"] = [each for each in names if each != said.name and _holds(heard, each)]
        row[f"others_{way}"] = others_wrong(said.text, said.name, heard)
    return row


def _holds(heard: str, name: str) -> bool:
    return f" {name} " in f" {heard} "


def figures_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up."""
    named, plain_rows = [row for row in rows if row["name"]], [row for row in rows if not row["name"]]
    ways = ("without", "with")
    return {
        "names": len(named),
        **{f"names_right_{way}": sum(row[f"hit_{way}"] for row in named) for way in ways},
        "sentences_without_names": len(plain_rows),
        **{f"false_in_them_{way}": sum(len(row[f"false_{way}"]) for row in plain_rows) for way in ways},
        **{f"false_beside_names_{way}": sum(len(row[f"false_{way}"]) for row in named) for way in ways},
        "other_words": sum(len(plain(row["text"]).split()) - len(row["name"].split()) for row in rows),
        **{f"others_wrong_{way}": sum(row[f"others_{way}"] for row in rows) for way in ways},
    }


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
        kokoro = importlib.import_module("kokoro_onnx").Kokoro(
            given.model, given.voices
        )  # not a dependency of Chartside
    transcriber = WhisperTranscriber(cpu_threads=2)
    told = sentences()
    names = sorted({said.name for said in told if said.name})
    rows, missing, began_s = [], 0, time.process_time()
    for said in told:
        path = given.cache / f"{said.number:03d}.wav"
        if kokoro and not path.exists():
            make(said, path, kokoro)
        if not path.exists():
            missing += 1
            continue
        rows.append(compared(said, sound_of(path), transcriber, names))
    figures = {"missing_sounds": missing, **figures_of(rows), "cpu_s": round(time.process_time() - began_s, 1)}
    print(json.dumps(figures, indent=2))
    if given.out:
        given.out.write_text(json.dumps({**figures, "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
