"""Recognition of whole calls beside what a user of faster-whisper gets, all in one run on one machine.

    python -m benchmarks.speech --data FOLDER [--calls NAME,NAME] [--ways ours,mix] [--seconds S] [--out FILE]

FOLDER/audio holds `NAME.KIND.webm` and `NAME.json` with `segments` (channel, start, end, text). Every figure comes from
a process of its own. CPU seconds are those of its whole tree, decoding and loading included; memory is its peak (the
decoding child's apart). Compare figures of one run only. Error rates are jiwer's, after lower case, without punctuation
and fillers (um, uh), with one form for okay, doctor and all right; numbers are left as they are written.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jiwer
import psutil

from benchmarks.figures import machine
from smart_app.jobs.memory import share_one_heap
from smart_app.ports import SAMPLE_RATE, Heard, Utterance, Word
from smart_app.transcript import decode
from smart_app.transcript.coverage import uncovered
from smart_app.transcript.files import PART_S
from smart_app.transcript.guards import plain
from smart_app.transcript.recogniser import BATCH
from smart_app.transcript.tracks import hear
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.voice import speech, total_s
from smart_app.transcript.whisper import LEAST_UNCOVERED_S, WhisperTranscriber, model_folder
from tests.transcript import sounds

SPEAKERS = ("clinician", "client")
WAYS = ("mix", "vad", "batched8", "batched2", "ours")
"""Plain faster-whisper on the mix; per channel with its VAD; per channel batched by 8 and by 2; Chartside."""
RUN_WORDS = 3
"""So many words in a row that are missing, or that nobody said, are more than a misheard word."""
RESULTS = Path(__file__).parent / "results"
_LIMIT_S = 1800
_MAX_S = 3 * 3600.0
_CONTAINERS = frozenset({"webm", "flac", "wav"})


_FILLERS = frozenset({"um", "uh", "uhm", "umm", "er", "erm", "hm", "hmm", "mm", "mhm", "ah"})
_FORMS = {"ok": "okay", "dr": "doctor", "alright": "all right"}
_NUMBERS = re.compile(
    r"\w*\d\w*|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(thir|four|fif|six|seven|eigh|nine)teen"
    r"|(twen|thir|for|fif|six|seven|eigh|nine)t(y|ieth)|hundred|thousand|first|second|third|\w+th|oh|double|and|of|the"
)
"""Written in words or digits as the recogniser likes: no missing words."""


def words_of(text: str) -> list[str]:
    """Return the words as they are compared."""
    known = (_FORMS.get(word, word) for word in plain(text).split() if word not in _FILLERS)
    return " ".join(known).split()


def cpu_s() -> float:
    """Return the CPU seconds of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def heard_by(way: str, sound: decode.Sounds, threads: int) -> list[tuple[Word, ...]]:
    """Return the words of each track (one for the mix) in one of the ways."""
    if way == "ours":
        share_one_heap()  # as the worker and `chartside transcribe` do
        transcriber = WhisperTranscriber(cpu_threads=threads)
        return [transcriber.transcribe(track).words for track in sound]
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(str(model_folder("")), device="cpu", compute_type="int8", cpu_threads=threads)
    options: dict[str, Any] = {"language": "en", "word_timestamps": True, "vad_filter": True}
    recogniser = model
    if way.startswith("batched"):
        recogniser, options["batch_size"] = BatchedInferencePipeline(model), int(way.removeprefix("batched"))
    tracks = [sound.mean(axis=0)] if way == "mix" else list(sound)
    found = []
    for track in tracks:
        segments, _ = recogniser.transcribe(track, **options)
        found.append(tuple(_word(word) for segment in segments for word in segment.words or ()))
    return found


def _word(word: Any) -> Word:
    return Word(text=word.word.strip(), start_s=float(word.start), end_s=float(word.end))


def runs_of(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> tuple[int, int]:
    """Return how many words are missing and how many nobody said, counting runs of RUN_WORDS and more."""
    dropped = invented = 0
    for said, read in pairs:
        found = jiwer.process_words(_unnumbered(said), _unnumbered(read))
        for chunk in found.alignments[0]:
            if chunk.type == "delete" and chunk.ref_end_idx - chunk.ref_start_idx >= RUN_WORDS:
                dropped += chunk.ref_end_idx - chunk.ref_start_idx
            if chunk.type == "insert" and chunk.hyp_end_idx - chunk.hyp_start_idx >= RUN_WORDS:
                invented += chunk.hyp_end_idx - chunk.hyp_start_idx
    return dropped, invented


def _unnumbered(words: Sequence[str]) -> str:
    return " ".join(word for word in words if not _NUMBERS.fullmatch(word))


def _tagged(said: Iterable[tuple[str, str]]) -> str:
    """Return words with their speaker, so that a right word of the wrong speaker is an error."""
    return " ".join(f"{speaker}:{word}" for speaker, text in said for word in words_of(text))


def scored(segments: Sequence[dict[str, Any]], utterances: Sequence[Utterance], *, is_mix: bool) -> dict[str, Any]:
    """Return the error rates of a call; without speakers there is only the rate over all words in order."""
    ordered = sorted(segments, key=lambda segment: float(segment["start"]))
    if is_mix:
        pairs = [
            (
                words_of(" ".join(segment["text"] for segment in ordered)),
                words_of(" ".join(each.text for each in utterances)),
            )
        ]
    else:
        pairs = [
            (
                words_of(" ".join(segment["text"] for segment in ordered if segment["channel"] == channel)),
                words_of(" ".join(each.text for each in utterances if each.speaker == who)),
            )
            for channel, who in enumerate(SPEAKERS)
        ]
    wer = float(jiwer.wer([" ".join(said) for said, _ in pairs], [" ".join(read) for _, read in pairs]))
    dropped, invented = runs_of(pairs)
    figures = {"wer": round(100 * wer, 2), "dropped_words": dropped, "invented_words": invented}
    if not is_mix:
        said = _tagged((SPEAKERS[segment["channel"]], segment["text"]) for segment in ordered)
        figures["speaker_wer"] = round(
            100 * float(jiwer.wer(said, _tagged((u.speaker, u.text) for u in utterances))), 2
        )
    return figures


def measured(call: Path, reference: Path, way: str, *, threads: int, seconds: float | None) -> dict[str, Any]:
    """Recognise the call once, in this process, and return the figures."""
    segments = json.loads(reference.read_text())["segments"]
    started_s, before_s = time.monotonic(), cpu_s()
    sound = decode.decode(call.read_bytes(), max_s=_MAX_S, channels=2, formats=_CONTAINERS)
    if seconds:
        end_s = _pause_before(segments, seconds)
        segments = [segment for segment in segments if segment["end"] <= end_s]
        sound = sound[:, : int((end_s + 0.2) * SAMPLE_RATE)]
    found = heard_by(way, sound, threads)
    used_s, wall_s = cpu_s() - before_s, time.monotonic() - started_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    empty = Heard(words=(), speech_s=0.0, uncovered_s=0.0, model="", language="en")
    utterances = merge(
        HeardTrack(speaker=who, heard=replace(empty, words=words)) for who, words in zip(SPEAKERS, found, strict=False)
    ).utterances
    holes = [
        total_s(uncovered(speech(track), words, least_s=LEAST_UNCOVERED_S))
        for track, words in zip(sound, found if len(found) == len(sound) else found * len(sound), strict=True)
    ]
    return {
        "call": call.name.removesuffix(call.suffix),
        "way": way,
        "length_s": round(sound.shape[1] / SAMPLE_RATE, 1),
        "cpu_s": round(used_s, 1),
        "wall_s": round(wall_s, 1),
        "peak_mb": peak_mb,
        **scored(segments, utterances, is_mix=way == "mix"),
        "uncovered_s": round(sum(holes), 1),
        "words": [[[word.text, word.start_s, word.end_s] for word in words] for words in found],
    }


def _pause_before(segments: Sequence[dict[str, Any]], seconds: float) -> float:
    """Return the last end of a segment before `seconds` over which nobody else speaks."""
    ends = [
        float(one["end"])
        for one in segments
        if one["end"] <= seconds and not any(other["start"] < one["end"] + 0.2 < other["end"] for other in segments)
    ]
    return max(ends)


def on_no_speech(way: str, *, threads: int) -> dict[str, Any]:
    """Return the words that a way hears in a minute each of silence, noise, a tone and music."""
    made = {
        "silence": sounds.silence(60)[0],
        "noise": sounds.noise(60),
        "tone": sounds.tone(60),
        "music": sounds.chords(60),
    }
    # Both channels alike: the mix is the sound itself.
    words = {name: len(heard_by(way, sound[None], threads)[0]) for name, sound in made.items()}
    return {"call": "no speech, 240 s", "way": way, "invented_words": sum(words.values()), "by_sound": words}


def memory_curve(call: Path, minutes: float, *, threads: int) -> list[tuple[float, int]]:
    """Recognise a call again and again as one long session in parts; return minutes done and MB held after each."""
    process, transcriber = psutil.Process(), WhisperTranscriber(cpu_threads=threads)
    curve: list[tuple[float, int]] = []

    def parts() -> Iterator[decode.Sounds]:
        made_s = 0.0
        while made_s < 60 * minutes:
            decoding = decode.Decoding(call.read_bytes(), max_s=_MAX_S, channels=1, formats=_CONTAINERS)
            for part in decoding.parts(part_s=PART_S):
                made_s += part.shape[1] / SAMPLE_RATE
                yield part
                if made_s >= 60 * minutes:
                    return

    def note(done_s: float) -> None:
        curve.append((round(done_s / 60, 1), process.memory_info().rss >> 20))

    hear(parts(), transcriber, progress=note)
    return curve


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    heads = ("call", "way", "cpu_s", "peak_mb", "wer", "speaker_wer", "dropped_words", "invented_words", "uncovered_s")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(row.get(head, "-")) for head in heads) + " |" for row in rows]
    return "\n".join(lines)


def _in_a_process(arguments: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speech", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=_LIMIT_S)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def main() -> int:
    """Measure every way on every call, print the table and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speech", description=(__doc__ or "").splitlines()[0])
    data = os.environ.get("CHARTSIDE_BENCH_DATA")
    parser.add_argument("--data", type=Path, default=Path(data) if data else None, required=not data)
    parser.add_argument("--calls", default="", help="names without .webm, separated by commas (default: all)")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--seconds", type=float, help="only the beginning of each call")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS / f"speech-{datetime.now(UTC):%Y-%m-%d-%H%M}.json")
    parser.add_argument("--memory", type=float, metavar="MINUTES", help="only: memory over one long session")
    parser.add_argument("--one", nargs=2, metavar=("CALL", "WAY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    audio = given.data / "audio"
    if given.one:
        name, way = given.one
        if name:
            reference = audio / f"{name.split('.')[0]}.json"
            call = audio / f"{name}.webm"
            figures = measured(call, reference, way, threads=given.threads, seconds=given.seconds)
        else:
            figures = on_no_speech(way, threads=given.threads)
        print(json.dumps(figures))
        return 0
    names = given.calls.split(",") if given.calls else sorted(path.stem for path in audio.glob("*.webm"))
    if given.memory:
        share_one_heap()
        curve = memory_curve(audio / f"{names[-1]}.webm", given.memory, threads=given.threads)
        print(json.dumps({"call": names[-1], "minutes_and_mb": curve}))
        return 0
    shared = ["--data", str(given.data), "--threads", str(given.threads)]
    shared += ["--seconds", str(given.seconds)] if given.seconds else []
    rows = []
    for name in [*names, ""]:
        for way in given.ways.split(","):
            rows.append(_in_a_process([*shared, "--one", name, way]))
            shown = {key: value for key, value in rows[-1].items() if key != "words"}
            print(json.dumps(shown), file=sys.stderr, flush=True)
    text = table(rows)
    print(text)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": machine(), "batch": BATCH, "threads": given.threads, "rows": rows}
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
