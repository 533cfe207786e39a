"""A session whose chunks are put straight into the store, and a real worker process that follows it."""

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import psutil

from plugin.demo.site import Site, environment_for
from plugin.sandbox.process import free_port
from smart_app import config
from smart_app import kit as kits
from smart_app.call import ending
from smart_app.jobs.following import NEW_CHUNKS
from smart_app.ports import SAMPLE_RATE, PatientFacts, Sound, Utterance
from smart_app.recording.audio import ChunkName
from smart_app.session import State
from smart_app.store import following, recordings, sessions, tables
from smart_app.store.database import new_id

CHUNK_S = 2
CLUSTER = b"\x1fC\xb6u"
"""The id of WebM's cluster element."""
ROLES = ("clinician", "client")
_STAYS = timedelta(hours=6)


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

    def is_followed(self) -> bool:
        """Say whether the worker has nothing to do before the end."""
        with self.kit.db.read() as db:
            return not following.due(db, now=datetime.now(UTC), new_chunks=NEW_CHUNKS)

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
            tables.Participant(
                id=new_id(),
                session_id=session_id,
                number=number,
                role=role,
                is_clinician=not number,
                admitted_at=now,
                seen_at=now + _STAYS,  # nobody polls here, and a room is not to be taken for empty
            )
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
def worker(env: dict[str, str], log: Path | None = None) -> Iterator[psutil.Process]:
    """Run a worker, writing what it logs; end it kindly if nobody killed it."""
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(log.open("ab")) if log is not None else subprocess.DEVNULL
        child = subprocess.Popen([sys.executable, "-m", "smart_app", "worker"], env=env, stdout=out)
        stack.callback(child.wait, timeout=60)
        stack.callback(child.terminate)
        yield psutil.Process(child.pid)


def until(look: Callable[[], bool], process: psutil.Process, *, every_s: float = 0.05, most_s: float = 1800.0) -> None:
    """Wait until it is so. Raises TimeoutError, and RuntimeError when the worker died meanwhile."""
    deadline = time.monotonic() + most_s
    while not look():
        if process.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError("the worker died")
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(every_s)
