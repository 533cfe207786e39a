"""How long after End Session the draft is there when the worker has followed the recording; CPU and memory of it.

    python -m benchmarks.live --data DATA [--minutes 10] [--times 5] [--out FILE.json]

DATA holds `audio/therapy_call.telehealth.webm` and `.json`; the call is repeated from another moment in each session.
A real worker process follows; chunks are put into the store faster than real time, never further ahead of the worker
than a recorder would be when the session ends. `--check` compares with the whole-track way instead: words and errors.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import psutil

from benchmarks.figures import machine
from benchmarks.sample import PeakMemory
from benchmarks.speech import words_of
from smart_app.jobs.following import NEW_CHUNKS
from smart_app.ports import SAMPLE_RATE, Sound, Transcript, Utterance
from smart_app.transcript.decode import Decoding
from smart_app.transcript.tracks import hear
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.whisper import WhisperTranscriber
from tests.fakes.recorded import ROLES, Room, chunked, opened, site, until, worker

AHEAD_CHUNKS = 60
"""Before its last minutes a session may be this far ahead of the worker: it saves waiting for nothing."""


def call_sound(data: Path) -> Sound:
    """Return the reference call, one row per speaker."""
    body = (data / "audio" / "therapy_call.telehealth.webm").read_bytes()
    return np.concatenate(list(Decoding(body, max_s=3600.0, channels=2).parts()), axis=1)


def _is_near(room: Room, number: int, ahead: int) -> bool:
    return number + 1 - min(room.next_numbers()) <= ahead


def hold(room: Room, pieces: list[list[bytes]], process: psutil.Process) -> None:
    """Record the session, at most so far ahead of the worker as a recorder is at its end."""
    count = max(len(chunks) for chunks in pieces)
    for number in range(count):
        room.put(number, pieces)
        ahead = NEW_CHUNKS if count - number <= AHEAD_CHUNKS + NEW_CHUNKS else AHEAD_CHUNKS
        # What is due must have been taken; what is not due yet waits in a real session too.
        until(partial(_is_near, room, number, ahead), process, every_s=0.1)


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds of a process with all children, those that are gone included."""
    own = process.cpu_times()
    alive = [child.cpu_times() for child in process.children(recursive=True)]
    return float(
        own.user + own.system + own.children_user + own.children_system + sum(c.user + c.system for c in alive)
    )


def measured(sound: Sound, *, minutes: float, times: int) -> list[dict[str, Any]]:
    """Hold so many sessions of about this length, one after another, with one worker."""
    found = []
    with site() as (kit, env), worker(env) as process:
        for number in range(times):
            # Another moment of the call, and another moment of the worker's round, each time.
            samples = int((minutes * 60 + 7 * number) * SAMPLE_RATE)
            start = random.Random(number).randrange(sound.shape[1])
            rows = [np.take(row, np.arange(start, start + samples), mode="wrap") for row in sound]
            pieces = [chunked(row) for row in rows]
            room, before_s, began = opened(kit), cpu_s(process), time.monotonic()
            with PeakMemory(process.pid) as memory:
                hold(room, pieces, process)
                held_s, cpu_held_s = time.monotonic() - began, cpu_s(process) - before_s
                ended = time.monotonic()
                room.end()
                until(room.is_over, process)
                took_s = time.monotonic() - ended
            figures = {
                "session_s": round(samples / SAMPLE_RATE, 1),
                "state": room.state().value,
                "draft_after_end_s": round(took_s, 2),
                "cpu_while_it_ran_s": round(cpu_held_s, 1),
                "cpu_after_end_s": round(cpu_s(process) - before_s - cpu_held_s, 1),
                "fed_in_s": round(held_s, 1),
                **memory.megabytes(),
            }
            print(json.dumps(figures), file=sys.stderr, flush=True)
            found.append(figures)
    return found


def checked(sound: Sound, data: Path) -> dict[str, Any]:
    """Compare what is heard while the call runs with what is heard of the whole track, against what was said."""
    segments = json.loads((data / "audio" / "therapy_call.json").read_text())["segments"]
    said = [_plain(s["text"] for s in segments if s["channel"] == channel) for channel in (0, 1)]
    pieces = [chunked(row) for row in sound]
    with site() as (kit, env), worker(env) as process:
        room = opened(kit)
        hold(room, pieces, process)
        room.end()
        until(room.is_over, process)
        live = room.utterances()
    transcriber = WhisperTranscriber()
    heard = [
        hear(Decoding(each, max_s=3600.0).parts(part_s=120.0), transcriber, hotwords=("Sertraline",))[0][0]
        for each in pieces
    ]
    whole: Transcript = merge(HeardTrack(speaker=who, heard=each) for who, each in zip(ROLES, heard, strict=True))
    ways = {"while_it_runs": live, "whole_tracks": whole.utterances}
    return {
        name: {
            "speaker_attributed_wer": round(float(jiwer.wer(said, _by_speaker(utterances))), 4),
            "words": sum(len(each.words) for each in utterances),
        }
        for name, utterances in ways.items()
    } | {"differ_wer": round(float(jiwer.wer(_by_speaker(whole.utterances), _by_speaker(live))), 4)}


def _by_speaker(utterances: tuple[Utterance, ...]) -> list[str]:
    return [_plain(each.text for each in utterances if each.speaker == who) for who in ROLES]


def _plain(texts: Iterable[str]) -> str:
    return " ".join(words_of(" ".join(texts)))


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="compare with the whole-track way")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sound, before = call_sound(given.data), machine()
    if given.check:
        figures: dict[str, Any] = checked(sound, given.data)
    else:
        held = measured(sound, minutes=given.minutes, times=given.times)
        figures = {"sessions": held, "median_s": statistics.median(each["draft_after_end_s"] for each in held)}
    text = json.dumps({"machine_before": before, **figures, "machine_after": machine()}, indent=2)
    print(text)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
