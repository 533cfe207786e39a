"""How long after End Session the draft is there when the worker has followed the recording; CPU and memory of it.

    python -m benchmarks.live --data DATA [--minutes 10] [--times 5] [--out FILE.json]

DATA holds `audio/therapy_call.telehealth.webm` and `.json`; the call is repeated from another moment in each session.
A real worker process follows; chunks are put into the store faster than real time, never further ahead of the worker
than a recorder would be when the session ends. `--check` compares with the whole-track way instead: words and errors.
"""

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import av
import jiwer
import numpy as np
import psutil

from benchmarks.figures import machine
from benchmarks.sample import PeakMemory
from benchmarks.speech import words_of
from plugin.demo.site import Site, environment_for
from plugin.sandbox.process import free_port
from smart_app import config
from smart_app import kit as kits
from smart_app.call import ending
from smart_app.jobs.following import NEW_CHUNKS
from smart_app.ports import SAMPLE_RATE, PatientFacts, Sound, Transcript, Utterance
from smart_app.recording.audio import ChunkName
from smart_app.session import State
from smart_app.store import following, recordings, sessions, tables
from smart_app.store.database import new_id
from smart_app.transcript.decode import Decoding
from smart_app.transcript.tracks import hear
from smart_app.transcript.utterances import HeardTrack, merge
from smart_app.transcript.whisper import WhisperTranscriber

CHUNK_S = 2
AHEAD_CHUNKS = 60
"""Before its last minutes a session may be this far ahead of the worker: it saves waiting for nothing."""
LONGEST_S = 1800.0
CLUSTER = b"\x1fC\xb6u"
ROLES = ("clinician", "client")


def call_sound(data: Path) -> Sound:
    """Return the reference call, one row per speaker."""
    body = (data / "audio" / "therapy_call.telehealth.webm").read_bytes()
    return np.concatenate(list(Decoding(body, max_s=3600.0, channels=2).parts()), axis=1)


def chunked(sound: Sound) -> list[bytes]:
    """Encode a track as a recorder does and cut it into pieces of two seconds, the first with the header."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm", container_options={"cluster_time_limit": str(CHUNK_S * 1000)}) as container:
        stream = container.add_stream(
            "libopus", rate=48_000, bit_rate=32_000, layout="mono", options={"compression_level": "1"}
        )
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for at in range(0, len(sound), SAMPLE_RATE):
            piece = (np.clip(sound[None, at : at + SAMPLE_RATE], -1, 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, at
            for each in resampler.resample(frame):
                container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    body = out.getvalue()
    starts = _places(body)
    return [body[low:high] for low, high in zip([0, *starts[1:]], [*starts[1:], len(body)], strict=True)]


def _places(body: bytes) -> list[int]:
    found, at = [], body.find(CLUSTER)
    while at >= 0:
        found.append(at)
        at = body.find(CLUSTER, at + 1)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A session that is recorded: its ids and what it was given."""

    kit: kits.Kit
    session_id: str
    recording_id: str
    key_slot: int
    track_ids: tuple[str, ...]

    def put(self, number: int, pieces: list[list[bytes]]) -> None:
        """Store one chunk of each track."""
        now = datetime.now(UTC)
        for track_id, chunks in zip(self.track_ids, pieces, strict=True):
            if number >= len(chunks):
                continue
            name = ChunkName(recording_id=self.recording_id, track_id=track_id, run=0, number=number)
            stored = self.kit.audio.write(self.key_slot, name, chunks[number])
            facts = {"plain_sha256": stored.sealed_sha256, "sealed_sha256": stored.sealed_sha256, "path": stored.path}
            with self.kit.db.begin() as db:
                size = len(chunks[number])
                row = tables.Chunk(track_id=track_id, run=0, number=number, size_bytes=size, received_at=now, **facts)
                recordings.add_chunk(db, row)

    def next_numbers(self) -> list[int]:
        """Return up to which chunk the worker has taken each track."""
        with self.kit.db.read() as db:
            return [following.position(db, (track_id, 0)) for track_id in self.track_ids]

    def end(self) -> None:
        """End the session, as the clinician does."""
        with self.kit.db.begin() as db:
            session = sessions.find(db, self.session_id, for_update=True)
            ending.end(db, session, last={}, actor="server", at=datetime.now(UTC))
        self.kit.jobs.wake(self.session_id)

    def state(self) -> State:
        """Return where the session stands."""
        with self.kit.db.read() as db:
            return State(sessions.find(db, self.session_id).state)

    def is_over(self) -> bool:
        """Say whether a worker has nothing more to do for it."""
        return self.state() not in (State.ENDED, State.PROCESSING)

    def utterances(self) -> tuple[Utterance, ...]:
        """Return what was heard."""
        with self.kit.db.read() as db:
            found, _due_at = self.kit.utterances_of(db, sessions.find(db, self.session_id))
        return tuple(each for each in found if isinstance(each, Utterance))


def opened(kit: kits.Kit) -> Room:
    """Open a session that is being recorded, with two tracks."""
    now = datetime.now(UTC)
    session_id, recording_id = new_id(), new_id()
    slot = kit.vault.new_key(recording_id)
    with kit.db.begin() as db:
        if db.get(tables.Clinician, "bench") is None:
            name = kit.seal.seal("Dr Bench", aad="clinician.name:bench")
            db.add(tables.Clinician(id="bench", iss="i", fhir_user="Practitioner/b", name_sealed=name))
            db.flush()
            grant = {"patient_id": "p", "scope": "", "access_sealed": b"", "token_endpoint": "", "expires_at": now}
            db.add(tables.EhrGrant(id="bench", clinician_id="bench", iss="i", created_at=now, **grant))
            db.flush()
        facts = asdict(PatientFacts(id="p", name="Bench", medications=("Sertraline",)))
        sealed = kit.seal.seal(facts, aad=f"telehealth_session.patient:{session_id}")
        session = {"iss": "i", "patient_id": "p", "patient_sealed": sealed, "has_audio": True, "started_at": now}
        row = tables.TelehealthSession(
            id=session_id, clinician_id="bench", ehr_grant_id="bench", state=State.RECORDING.value, **session
        )
        db.add(row)
        db.flush()
        people = [
            tables.Participant(id=new_id(), session_id=session_id, number=number, role=role, is_clinician=not number)
            for number, role in enumerate(ROLES)
        ]
        db.add_all(people)
        db.flush()
        recording = recordings.create(
            db, row, people, recording_id=recording_id, key_slot=slot, at=now, audio_max=timedelta(hours=23)
        )
        recording.first_byte_at = now
        track_ids = tuple(each.id for each in recordings.tracks(db, recording_id))
        for track_id in track_ids:
            recordings.note_run(db, track_id, run=0, start_ms=0, mime="audio/webm;codecs=opus")
    return Room(kit=kit, session_id=session_id, recording_id=recording_id, key_slot=slot, track_ids=track_ids)


@contextmanager
def site() -> Iterator[tuple[kits.Kit, dict[str, str]]]:
    """Make an installation of its own; yield its kit and what its worker is told."""
    with tempfile.TemporaryDirectory(prefix="chartside-live-") as folder:
        ports = [free_port() for _ in range(4)]
        place = Site(
            data_dir=Path(folder), port=ports[0], ehr_port=ports[1], fhir_port=ports[2], sample_client_port=ports[3]
        )
        env = environment_for(place, {"iss": "http://localhost:1/fhir", "name": "none", "client_id": "bench"})
        kit = kits.make(config.load(env))
        yield kit, env
        kit.db.close()


@contextmanager
def worker(env: dict[str, str]) -> Iterator[psutil.Process]:
    """Run a worker; end it kindly, or by force."""
    child = subprocess.Popen([sys.executable, "-m", "smart_app", "worker"], env=env, stdout=subprocess.DEVNULL)
    threading.Thread(target=_tell_death, args=(child,), daemon=True).start()
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(timeout=60)


def _tell_death(child: subprocess.Popen[bytes]) -> None:
    if code := child.wait():
        print(f"The worker ended with {code}.", file=sys.stderr, flush=True)
        os._exit(1)


def until(look: Callable[[], bool], *, every_s: float = 0.05, most_s: float = LONGEST_S) -> None:
    """Wait until it is so. Raises TimeoutError."""
    deadline = time.monotonic() + most_s
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(every_s)


def _is_near(room: Room, number: int, ahead: int) -> bool:
    return number + 1 - min(room.next_numbers()) <= ahead


def hold(room: Room, pieces: list[list[bytes]]) -> None:
    """Record the session, at most so far ahead of the worker as a recorder is at its end."""
    count = max(len(chunks) for chunks in pieces)
    for number in range(count):
        room.put(number, pieces)
        ahead = NEW_CHUNKS if count - number <= AHEAD_CHUNKS + NEW_CHUNKS else AHEAD_CHUNKS
        # What is due must have been taken; what is not due yet waits in a real session too.
        until(partial(_is_near, room, number, ahead), every_s=0.1)


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
                hold(room, pieces)
                held_s, cpu_held_s = time.monotonic() - began, cpu_s(process) - before_s
                ended = time.monotonic()
                room.end()
                until(room.is_over)
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
    with site() as (kit, env), worker(env):
        room = opened(kit)
        hold(room, pieces)
        room.end()
        until(room.is_over)
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
