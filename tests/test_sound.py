"""Stored sound is opened in memory: a run for the recogniser, a second of it for the review."""

import io
import wave
from datetime import timedelta

import numpy as np
import pytest

from plugin.demo import sound as sample
from plugin.sandbox.sample import channel
from smart_app.config import Settings
from smart_app.errors import Expired
from smart_app.recording.audio import AudioStore, ChunkName
from smart_app.recording.keyslots import KeySlots
from smart_app.recording.vault import SlotVault
from smart_app.sound import StoredSound
from smart_app.store import tables
from smart_app.store.database import Database
from tests.conftest import FrozenClock

SPOKEN_S = 12.0


@pytest.fixture
def vault(settings: Settings) -> SlotVault:
    """A vault of its own."""
    settings.key_file.parent.mkdir(parents=True)
    return SlotVault(KeySlots(settings.key_file, settings.master_key.reveal()))


@pytest.fixture
def stored(settings: Settings, database: Database, clock: FrozenClock, vault: SlotVault) -> StoredSound:
    """One recorded track: the first seconds of the sample call, in small chunks."""
    audio = AudioStore(settings.audio_dir, vault)
    body = sample.webm(channel(0, end_s=SPOKEN_S))
    slot, now = vault.new_key("recording"), clock.now()
    with database.begin() as db:
        db.add(tables.Clinician(id="alice", iss="i", fhir_user="Practitioner/a", name_sealed=b""))
        db.flush()
        grant = {"patient_id": "p", "scope": "", "access_sealed": b"", "token_endpoint": "", "expires_at": now}
        db.add(tables.EhrGrant(id="grant", clinician_id="alice", iss="i", created_at=now, **grant))
        db.flush()
        session = {"iss": "i", "patient_id": "p", "patient_sealed": b"", "state": "ended", "started_at": now}
        db.add(tables.TelehealthSession(id="session", clinician_id="alice", ehr_grant_id="grant", **session))
        db.flush()
        db.add(tables.Participant(id="a", session_id="session", number=0, is_clinician=True))
        due = {"started_at": now, "erase_due_at": now + timedelta(hours=23)}
        db.add(tables.Recording(id="recording", session_id="session", number=1, key_slot=slot, **due))
        db.flush()
        db.add(tables.Track(id="track", recording_id="recording", participant_id="a"))
        db.flush()
        db.add(tables.TrackRun(track_id="track", run=0, start_ms=0, mime="audio/webm;codecs=opus"))
        for number, at in enumerate(range(0, len(body), 8_000)):
            name = ChunkName(recording_id="recording", track_id="track", run=0, number=number)
            kept = audio.write(slot, name, body[at : at + 8_000])
            facts = {"size_bytes": 8_000, "plain_sha256": "x", "sealed_sha256": kept.sealed_sha256}
            db.add(tables.Chunk(track_id="track", run=0, number=number, path=kept.path, received_at=now, **facts))
    return StoredSound(db=database, audio=audio, settings=settings, now=clock.now)


def samples(wav: bytes) -> np.ndarray:
    """Return a WAV's samples."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 16_000)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


@pytest.mark.req("B05")
@pytest.mark.parametrize(("start_s", "end_s"), [(0.8, 4.8), (7.5, 9.0), (10.0, 11.5)])
def test_a_piece_sounds_as_it_was_said(stored: StoredSound, start_s: float, end_s: float) -> None:
    """Playing an utterance gives the seconds in which it was said, wherever the chunks were cut."""
    played = samples(stored.play("track", 0, start_s, end_s)).astype(float)
    first = int((start_s - 0.15) * 48_000)
    said = channel(0)[first : first + 3 * len(played) : 3].astype(float)
    assert len(played) == pytest.approx((end_s - start_s + 0.3) * 16_000, abs=2)
    assert np.corrcoef(played, said[: len(played)])[0, 1] > 0.6


def test_a_run_is_decoded_as_it_grows(stored: StoredSound) -> None:
    """Its chunks are opened by number, and its sound comes whole, or from a moment on."""
    chunks = [stored.chunks("track", 0, [number])[0] for number in range(3)]
    assert stored.chunks("track", 0, range(3)) == chunks
    every = stored.chunks("track", 0, range(1000))
    for from_s in (0.0, 5.0):
        with stored.growing("audio/webm;codecs=opus", from_s) as growing:
            sound = np.concatenate([*(growing.feed([chunk]) for chunk in every), growing.end()])
        assert len(sound) / 16_000 == pytest.approx(SPOKEN_S - from_s, abs=0.1)


@pytest.mark.req("S35")
def test_erased_sound_is_not_played(stored: StoredSound, database: Database, vault: SlotVault) -> None:
    """Once the key is gone there is nothing to hear, and the answer says so."""
    with database.begin() as db:
        row = db.get_one(tables.Recording, "recording")
        vault.destroy(row.key_slot or 0)
        row.key_slot = None
    with pytest.raises(Expired):
        stored.play("track", 0, 0.0, 1.0)
