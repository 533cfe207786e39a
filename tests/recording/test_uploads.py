"""The upload: every refusal leaves no byte on the disk."""

from typing import Any

import pytest

from smart_app.recording.audio import ChunkName
from smart_app.recording.capture import GRANT_LASTS
from smart_app.recording.reading import run_chunks
from smart_app.store import recordings
from tests.fakes.room import Room, Visit, decoded_key, open_visit

MARKER = b"these are the plain bytes of somebody's voice "
BODY = MARKER * 20


def one(grants: dict[str, str]) -> tuple[str, str]:
    """Return one track and its token."""
    return next(iter(grants.items()))


@pytest.mark.req("B01", "S04", "S17")
def test_it_stores_a_chunk_encrypted_under_a_grant(visit: Visit) -> None:
    """With both consents and a grant the chunk counts; its plain bytes are nowhere on the disk."""
    track, token = one(visit.record())
    answer = visit.alice.put_chunk(token, track, 0, 0, BODY)
    assert (answer.status_code, answer.json) == (201, {"acked": True})
    assert len(visit.room.audio_files()) == 1
    assert MARKER not in visit.room.all_bytes()
    assert run_chunks(visit.room.db, visit.room.audio, track, 0, now=visit.room.clock.now()) == [BODY]


@pytest.mark.req("B01")
def test_it_needs_no_cookie_for_a_chunk(visit: Visit) -> None:
    """The grant alone is the proof."""
    track, token = one(visit.record())
    assert visit.room.side("").put_chunk(token, track, 0, 0, BODY).status_code == 201


@pytest.mark.req("S04", "S15", "B01", "M02")
def test_it_refuses_a_chunk_without_with_a_made_up_and_with_a_foreign_grant(visit: Visit) -> None:
    """No grant, a guess, or the grant of another track: 403 and nothing stored."""
    grants = visit.record()
    (mine, token), (other, _) = grants.items()
    for wrong, track in (("", mine), ("x" * 43, mine), (token, other), (token, "no-such-track")):
        answer = visit.alice.put_chunk(wrong, track, 0, 0, BODY)
        assert (answer.status_code, answer.json["code"]) == (403, "grant_refused")
    assert visit.room.audio_files() == []


@pytest.mark.req("B01")
def test_it_refuses_a_chunk_with_an_expired_grant(visit: Visit) -> None:
    """A grant lasts 60 seconds at most."""
    track, token = one(visit.record())
    visit.room.clock.tick(seconds=GRANT_LASTS.total_seconds())
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 403
    assert visit.room.audio_files() == []
    assert GRANT_LASTS.total_seconds() <= 60


@pytest.mark.req("B01")
def test_it_refuses_a_run_that_was_not_announced(visit: Visit) -> None:
    """A run's start on the session clock comes with the request for grants."""
    track, token = one(visit.record())
    assert visit.alice.put_chunk(token, track, 1, 0, BODY).status_code == 403


@pytest.mark.req("B01", "T09")
def test_it_checks_grant_and_length_before_it_reads_the_body(visit: Visit) -> None:
    """A refused body is never read."""
    track, token = one(visit.record())
    read: list[int] = []

    class Body:
        def read(self, size: int = -1) -> bytes:
            read.append(size)
            return b""

    def put(given: str, length: str) -> int:
        environ: dict[str, Any] = {
            "wsgi.input": Body(),
            "CONTENT_LENGTH": length,
            "HTTP_X_CAPTURE_GRANT": given,
            "wsgi.input_terminated": False,
        }
        return visit.room.app.test_client().put(f"/chunks/{track}/0/0", environ_overrides=environ).status_code

    assert put("wrong", "1000") == 403
    assert put(token, str(visit.room.settings.chunk_max_bytes + 1)) == 413
    assert put(token, "") == 400
    assert read == []
    assert visit.room.audio_files() == []


@pytest.mark.req("T09")
def test_it_refuses_a_body_that_was_cut_off(visit: Visit) -> None:
    """Fewer bytes than announced: nothing is stored."""
    track, token = one(visit.record())
    answer = visit.alice.http.put(
        f"/chunks/{track}/0/0",
        environ_overrides={"CONTENT_LENGTH": "5000"},
        data=BODY,
        headers={"X-Capture-Grant": token},
    )
    assert answer.status_code == 400
    assert visit.room.audio_files() == []


@pytest.mark.req("T09")
def test_it_caps_the_number_of_chunks(visit: Visit) -> None:
    """A chunk lasts a second at least, so numbers cap the recorded time."""
    track, token = one(visit.record())
    most = int(visit.room.settings.track_max_seconds)
    assert visit.alice.put_chunk(token, track, 0, most, BODY).status_code == 413


@pytest.mark.req("B01")
def test_it_takes_chunks_in_any_order_and_says_what_is_missing(visit: Visit) -> None:
    """Order does not matter; the run is put together in order."""
    track, token = one(visit.record())
    for number in (3, 0, 2):
        assert visit.alice.put_chunk(token, track, 0, number, b"%d" % number).status_code == 201
    said = visit.alice.get(f"/sessions/{visit.id}/recording/missing").json
    assert said["tracks"][track] == {"0": {"have": 3, "missing": [1]}}
    visit.alice.put_chunk(token, track, 0, 1, b"1")
    assert run_chunks(visit.room.db, visit.room.audio, track, 0, now=visit.room.clock.now()) == [b"0", b"1", b"2", b"3"]


@pytest.mark.req("B01")
def test_it_answers_a_repeat_without_writing_and_refuses_other_bytes(visit: Visit) -> None:
    """The same bytes again: 200. Other bytes under the same number: 409. One file either way."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, BODY)
    repeat = visit.alice.put_chunk(token, track, 0, 0, BODY)
    assert (repeat.status_code, repeat.json) == (200, {"repeat": True})
    other = visit.alice.put_chunk(token, track, 0, 0, BODY + b"!")
    assert (other.status_code, other.json["code"]) == (409, "other_bytes")
    assert len(visit.room.audio_files()) == 1
    assert run_chunks(visit.room.db, visit.room.audio, track, 0, now=visit.room.clock.now()) == [BODY]


@pytest.mark.req("S21", "B01")
def test_it_takes_late_chunks_up_to_the_last_one_after_a_stop_and_none_beyond(visit: Visit) -> None:
    """The stop names the last captured chunk; up to it nothing agreed is lost, beyond it nothing is taken."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, b"0")
    visit.room.clock.tick(seconds=6)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": {track: {"run": 0, "number": 2}}})
    assert visit.alice.put_chunk(token, track, 0, 2, b"2").status_code == 201
    beyond = visit.alice.put_chunk(token, track, 0, 3, b"3")
    assert (beyond.status_code, beyond.json["code"]) == (409, "beyond_stop")
    visit.room.clock.tick(minutes=5)
    assert visit.carol.get(f"/room/{visit.id}/state").status_code == 200
    late = visit.grants()[track]
    assert visit.alice.put_chunk(late, track, 0, 1, b"1").status_code == 201
    assert run_chunks(visit.room.db, visit.room.audio, track, 0, now=visit.room.clock.now()) == [b"0", b"1", b"2"]
    with visit.room.db.read() as db:
        assert recordings.track(db, track).last_number == 2


@pytest.mark.req("B01")
def test_it_takes_no_late_chunk_after_ten_minutes(visit: Visit) -> None:
    """Then the browser's leftovers are worth nothing."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, b"0")
    visit.room.clock.tick(seconds=6)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": {track: {"run": 0, "number": 2}}})
    visit.room.clock.tick(minutes=10, seconds=1)
    assert visit.ask_grants().status_code == 403


@pytest.mark.req("B01")
def test_a_stop_cannot_name_more_than_was_captured(visit: Visit) -> None:
    """A number that no time could have filled counts as none: the track ends with what is stored."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, b"0")
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": {track: {"run": 0, "number": 500}}})
    assert visit.alice.put_chunk(token, track, 0, 1, b"1").status_code == 409


@pytest.mark.req("B02", "B01")
def test_it_refuses_a_chunk_after_withdrawal(visit: Visit) -> None:
    """From the withdrawal on: 403, and nothing is on the disk."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, BODY)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    answer = visit.alice.put_chunk(token, track, 0, 1, BODY)
    assert (answer.status_code, answer.json["code"]) == (403, "grant_refused")
    assert visit.ask_grants(recording_id=visit.room.recordings(visit.id)[0].id).status_code == 410
    assert visit.room.audio_files() == []


@pytest.mark.req("S35", "C03")
def test_it_answers_410_for_an_erased_recording(visit: Visit) -> None:
    """Erased by its deadline while the grant still lived."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, BODY)
    recording_id = visit.room.recordings(visit.id)[0].id
    with visit.room.db.begin() as db:
        visit.room.eraser(db, recording_id=recording_id, cause="deadline", at=visit.room.clock.now())
    # erase() revokes the grants, so a chunk is refused as ungranted and a request for grants as erased.
    assert visit.alice.put_chunk(token, track, 0, 1, BODY).status_code == 403
    assert visit.ask_grants(recording_id=recording_id).status_code == 410
    assert visit.room.audio_files() == []


@pytest.mark.req("T15", "S15")
def test_it_refuses_to_start_and_to_store_when_the_disk_is_nearly_full(visit: Visit) -> None:
    """Below the reserve no recording starts, no grant is issued and no chunk is stored."""
    track, token = one(visit.record())
    visit.room.free_bytes[0] = visit.room.settings.disk_reserve_bytes - 1
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 507
    assert visit.ask_grants().status_code == 507
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    answer = visit.start()
    assert (answer.status_code, answer.json["code"]) == (507, "disk_reserve")
    assert visit.state()["state"] == "open"
    assert visit.room.audio_files() == []


@pytest.mark.req("T15")
def test_a_session_takes_so_much_sound_and_no_more(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session may hold is far more than any has; a full one gets no further grant, and still ends as usual."""
    track, token = one(visit.record())
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201
    monkeypatch.setattr("smart_app.recording.capture.MOST_SESSION_BYTES", len(BODY))
    answer = visit.ask_grants()
    assert (answer.status_code, answer.json["code"]) == (507, "session_full")
    assert visit.end()["state"] == "ended"


@pytest.mark.req("B01")
def test_the_first_byte_starts_the_deadline_and_owes_the_media(visit: Visit) -> None:
    """The 23 hours run from the first recorded byte of each recording (decision 5)."""
    track, token = one(visit.record())
    assert visit.room.filings("media") == []
    visit.room.clock.tick(seconds=20)
    visit.alice.put_chunk(token, track, 0, 0, BODY)
    row = visit.room.recordings(visit.id)[0]
    assert row.first_byte_at == visit.room.clock.now()
    assert (row.erase_due_at - row.first_byte_at).total_seconds() == 23 * 3600
    assert [filing.subject_id for filing in visit.room.filings("media")] == [row.id]


@pytest.mark.req("B01")
def test_a_withdrawal_between_body_and_commit_leaves_nothing(visit: Visit) -> None:
    """The epoch is checked again in the transaction that makes the chunk count; its file is unlinked."""
    track, token = one(visit.record())
    audio = visit.room.audio
    write = audio.write

    def write_and_withdraw(slot: int, name: ChunkName, plain: bytes) -> Any:
        stored = write(slot, name, plain)
        visit.carol.ok(f"/room/{visit.id}/withdraw")
        return stored

    audio.write = write_and_withdraw  # type: ignore[method-assign]
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 403
    assert visit.room.audio_files() == []


@pytest.mark.req("B01")
def test_a_withdrawal_between_check_and_writing_leaves_nothing(visit: Visit) -> None:
    """The key is gone when the bytes would be sealed: refused as any chunk after a withdrawal."""
    track, token = one(visit.record())
    audio = visit.room.audio
    write = audio.write

    def withdraw_and_write(slot: int, name: ChunkName, plain: bytes) -> Any:
        visit.carol.ok(f"/room/{visit.id}/withdraw")
        return write(slot, name, plain)

    audio.write = withdraw_and_write  # type: ignore[method-assign]
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 403
    assert visit.room.audio_files() == []


def test_two_uploads_of_one_chunk_at_once_keep_one(visit: Visit) -> None:
    """The second finds the first's row in its own transaction, answers as a repeat and removes its file."""
    track, token = one(visit.record())
    audio = visit.room.audio
    write = audio.write

    def write_twice(slot: int, name: ChunkName, plain: bytes) -> Any:
        audio.write = write  # type: ignore[method-assign]
        assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201
        return write(slot, name, plain)

    audio.write = write_twice  # type: ignore[method-assign]
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 200
    assert len(visit.room.audio_files()) == 1
    assert run_chunks(visit.room.db, audio, track, 0, now=visit.room.clock.now()) == [BODY]


@pytest.mark.req("B01")
def test_grants_are_random_stored_hashed_and_audited_once(visit: Visit) -> None:
    """256 bits each; a renewal writes no line; the browser's key stays the same within a recording."""
    first = visit.record()
    answer = visit.ask_grants()
    second = {each["track_id"]: each["token"] for each in answer.json["grants"]}
    assert set(first) == set(second)
    assert len(set(first.values()) | set(second.values())) == 2 * len(first)
    assert all(len(token) >= 43 for token in first.values())
    assert not any(token.encode() in visit.room.all_bytes() for token in first.values())
    assert visit.room.audit().count("grant.issue") == 1
    assert decoded_key(answer) == decoded_key(visit.ask_grants())
    assert len(decoded_key(answer)) == 32
    assert decoded_key(answer) not in visit.room.all_bytes()


@pytest.mark.req("S45", "S17")
def test_recording_is_confirmed_only_after_the_first_chunk_of_every_track(visit: Visit) -> None:
    """Both sides are told so only then."""
    grants = visit.record()
    for track, token in grants.items():
        assert visit.state()["recording"]["is_confirmed"] is False
        visit.alice.put_chunk(token, track, 0, 0, BODY)
    for side in (visit.alice, visit.carol):
        assert visit.state(side)["recording"] == {
            "is_running": True,
            "is_confirmed": True,
            "count": 1,
            "started_at": visit.room.recordings(visit.id)[0].started_at.isoformat(),
        }


@pytest.mark.req("B04", "B01")
def test_a_reload_starts_a_new_run(visit: Visit) -> None:
    """The next run's number is in the facts; both runs are kept apart."""
    track, token = one(visit.record())
    visit.alice.put_chunk(token, track, 0, 0, b"first header")
    facts = {each["track_id"]: each["next_run"] for each in visit.state()["recorder"]["tracks"]}
    assert facts[track] == 1
    token = {each["track_id"]: each["token"] for each in visit.ask_grants(run=1).json["grants"]}[track]
    assert visit.alice.put_chunk(token, track, 1, 0, b"second header").status_code == 201
    assert run_chunks(visit.room.db, visit.room.audio, track, 1, now=visit.room.clock.now()) == [b"second header"]


@pytest.mark.req("T04")
def test_dan_bob_and_carol_get_no_grant(visit: Visit) -> None:
    """Only the session's own clinician records."""
    visit.record()
    body = {"recording_id": visit.room.recordings(visit.id)[0].id, "runs": []}
    for name, status in (("dan", 404), ("bob", 404), ("", 401)):
        side = visit.room.side(name) if name else visit.carol
        for path in ("grants", "start", "stop"):
            assert side.post(f"/sessions/{visit.id}/recording/{path}", body).status_code == status
        assert side.get(f"/sessions/{visit.id}/recording/missing").status_code == status


def test_a_foreign_recording_gets_no_grant(visit: Visit, room: Room) -> None:
    """A recording of another session, or another's track as a run, is refused."""
    visit.record()
    foreign = room.recordings(visit.id)[0].id
    room.clock.tick(seconds=11)
    other = open_visit(room)
    other.record()
    answer = other.alice.post(f"/sessions/{other.id}/recording/grants", {"recording_id": foreign, "runs": []})
    assert answer.status_code == 404
    own = other.state()["recorder"]["recording_id"]
    run = {
        "track_id": visit.state()["recorder"]["tracks"][0]["track_id"],
        "run": 0,
        "start_ms": 0,
        "mime": "audio/webm",
    }
    answer = other.alice.post(f"/sessions/{other.id}/recording/grants", {"recording_id": own, "runs": [run]})
    assert answer.status_code == 403


@pytest.mark.req("T09", "B01")
@pytest.mark.parametrize("mime", ["application/x-mpegurl", "audio/wav", "video/mp4"])
def test_it_refuses_a_run_of_a_type_that_it_cannot_read(visit: Visit, mime: str) -> None:
    """A run is registered with its type; a type that no recorder of ours makes gets no grant at all."""
    visit.record()
    recorder = visit.state()["recorder"]
    run = {"track_id": recorder["tracks"][0]["track_id"], "run": 1, "start_ms": 0, "mime": mime}
    body = {"recording_id": recorder["recording_id"], "runs": [run]}
    answer = visit.alice.post(f"/sessions/{visit.id}/recording/grants", body)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_media_type")
