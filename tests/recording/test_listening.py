"""Transcript and sound of one utterance: for the session's clinician."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smart_app.ports import Utterance
from smart_app.store import tables
from tests.conftest import FrozenClock
from tests.fakes.room import Visit
from tests.fakes.site import whole_site


@pytest.fixture
def heard(visit: Visit) -> Visit:
    """A session with one recorded utterance in its second run, which began at 10.004 s."""
    grants = visit.record()
    track, token = next(iter(grants.items()))
    visit.alice.put_chunk(token, track, 0, 0, b"voice")
    recording_id = visit.room.recordings(visit.id)[0].id
    run = {"track_id": track, "run": 1, "start_ms": 10_004, "mime": "audio/webm"}
    visit.alice.ok(f"/sessions/{visit.id}/recording/grants", {"recording_id": recording_id, "runs": [run]})
    visit.room.utterances.append(
        Utterance(
            id="u1", speaker="client", start_s=12.5, end_s=14.0, text="Hello.", recording=recording_id, track=track
        )
    )
    return visit


@pytest.mark.req("B05")
def test_the_clinician_plays_an_utterance(heard: Visit) -> None:
    """The seconds are those of the run that holds it; playing is in the trail."""
    answer = heard.alice.get(f"/sessions/{heard.id}/audio/u1")
    track = heard.room.utterances[0].track
    assert (answer.mimetype, answer.text) == ("audio/wav", f"RIFF {track} 1 2.5 4.0")
    assert "audio.play" in heard.room.audit()
    assert heard.alice.get(f"/sessions/{heard.id}/audio/u2").status_code == 404


@pytest.mark.req("B05")
def test_a_first_word_at_the_very_start_of_a_run_is_played(heard: Visit) -> None:
    """A transcript keeps hundredths of a second, so such a word stands 4 ms before its run; it is heard from there."""
    first = replace(heard.room.utterances[0], id="u0", start_s=10.0, end_s=11.004)
    heard.room.utterances.append(first)
    answer = heard.alice.get(f"/sessions/{heard.id}/audio/u0")
    assert (answer.status_code, answer.text) == (200, f"RIFF {first.track} 1 0.0 1.0")


@pytest.mark.req("C03", "S35")
def test_the_sound_is_gone_once_erased(heard: Visit) -> None:
    """410, for the clinician too."""
    with heard.room.db.begin() as db:
        heard.room.eraser(
            db, recording_id=heard.room.utterances[0].recording, cause="deadline", at=heard.room.clock.now()
        )
    assert heard.alice.get(f"/sessions/{heard.id}/audio/u1").status_code == 410


@pytest.mark.req("T04")
def test_nobody_else_hears(heard: Visit) -> None:
    """Not Dan, not Bob of the same clinic, not the client, not a passer-by."""
    for side, status in ((heard.room.side("dan"), 404), (heard.room.side("bob"), 404), (heard.carol, 401)):
        assert side.get(f"/sessions/{heard.id}/audio/u1").status_code == status


@pytest.mark.req("B05")
def test_what_was_not_recognised_or_taken_for_an_echo_is_heard(tmp_path: Path) -> None:
    """A stretch without words, and one taken out of a track as somebody else's voice, are played from that track."""
    with whole_site(tmp_path / "data", FrozenClock()) as site:
        held = site.held()
        site.work()
        with site.db.begin() as db:
            session, row = db.get_one(tables.TelehealthSession, held.id), db.get_one(tables.Transcript, held.id)
            aad = f"transcript:{held.id}"
            shape = json.loads(site.kit.vault.open(session.key_slot or 0, row.sealed, aad=aad))
            said = shape["utterances"][-1]
            place = {name: said[name] for name in ("speaker", "recording", "track")} | {"start": 0.2, "end": 0.7}
            shape["coverage"] |= {"gaps": [place], "leaks": [place]}
            row.sealed = site.kit.vault.seal(session.key_slot or 0, json.dumps(shape).encode(), aad=aad)
        for its_id, status in (("gap-1", 200), ("gap-2", 404), ("leak-1", 200), ("leak-2", 404)):
            assert held.alice.get(f"/sessions/{held.id}/audio/{its_id}").status_code == status, its_id
        told = held.alice.get(f"/sessions/{held.id}/transcript").get_json()["coverage"]
        assert told["leaks"] == [{"id": "leak-1", "speaker": place["speaker"], "start": 0.2, "end": 0.7}]
