"""Withdrawal: refused at once, everything captured erased, finished by the sweep after a crash."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from smart_app.errors import VaultError
from smart_app.recording.audio import AudioStore
from smart_app.recording.erasure import sweep_orphans
from smart_app.recording.withdrawal import finish_withdrawals
from smart_app.session import Event
from smart_app.store import captured, consents, notes, sessions
from smart_app.store.tables import AuditLine, Note, Receipt, Summary, TrackTranscript, Transcript
from tests.fakes.room import KNOWN_BEARER, Visit

BODY = b"these are the plain bytes of somebody's voice " * 20


def record_some(visit: Visit) -> tuple[str, str]:
    """Store one chunk on each track; return a track and its token."""
    grants = visit.record()
    for track, token in grants.items():
        assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201
    return next(iter(grants.items()))


def make_text(visit: Visit, *, status: str = "draft", is_saved: bool = False) -> str:
    """Give the session a transcript, a summary and a note; return the note's id."""
    now = visit.room.clock.now()
    with visit.room.db.begin() as db:
        session = sessions.find(db, visit.id)
        session.key_slot = visit.room.vault.new_key(visit.id)
        sealed = visit.room.vault.seal(session.key_slot, b"words", aad="t")
        captured.keep_transcript(db, visit.id, sealed, now=now, erase_due_at=now)
        db.add(TrackTranscript(session_id=visit.id, track_id="t", run=0, sealed=sealed, made_at=now))
        for version in (1, 2):
            db.add(
                Summary(
                    session_id=visit.id,
                    version=version,
                    style="soap",
                    sealed=b"summary",
                    speech_model="m",
                    drafter="d",
                    prompt_version="1",
                    made_at=now,
                )
            )
        note = Note(
            session_id=visit.id,
            clinician_id=session.clinician_id,
            patient_id=session.patient_id,
            template_id="x",
            title="Note",
            status=status,
            is_saved_to_chart=is_saved,
            content_sealed=b"",
            summary_version=1,
            created_at=now,
            saved_at=now,
        )
        db.add(note)
        db.flush()
        return note.id


@pytest.mark.req("G07", "D03")
def test_the_databases_journal_is_emptied_with_the_words(visit: Visit) -> None:
    """Sealed words whose key is destroyed are not kept either."""
    record_some(visit)
    make_text(visit)
    with visit.room.db.read() as db:
        sealed = db.query(Transcript).one().sealed
    files = [*Path(visit.room.db.engine.url.database or "").parent.glob("*sqlite*")]
    assert any(sealed in path.read_bytes() for path in files)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert not any(sealed in path.read_bytes() for path in files)


def end_and_make_ready(visit: Visit) -> None:
    """Bring the session to ready, as the pipeline does."""
    visit.end()
    with visit.room.db.begin() as db:
        session = sessions.find(db, visit.id)
        for event in (Event.CLAIM, Event.DRAFTED):
            sessions.apply(db, session, event, actor="server", at=visit.room.clock.now())


@pytest.mark.req("B02", "B03", "D01", "D03")
def test_a_withdrawal_in_mid_session_erases_everything_and_the_call_goes_on(visit: Visit) -> None:
    """Keys, files, state, Consent inactive, receipt, Consent and Media owed, trail written (decision 3)."""
    track, token = record_some(visit)
    slot = visit.room.recordings(visit.id)[0].key_slot
    assert slot is not None
    said = visit.carol.ok(f"/room/{visit.id}/withdraw")
    row = visit.room.recordings(visit.id)[0]
    with visit.room.db.read() as db:
        receipts = db.query(Receipt).all()
    assert said == {"answer": "withdrawn", "receipts": [row.id for row in receipts]}
    erasure, withdrawal = (json.loads(row.body) for row in receipts)
    assert (erasure["kind"], withdrawal["kind"]) == ("erasure", "withdrawal")
    assert withdrawal["receipts"] == [erasure["id"]]
    assert (row.erased_at, row.erase_cause, row.key_slot, row.stop_cause) == (
        visit.room.clock.now(),
        "withdrawn",
        None,
        "withdrawn",
    )
    assert visit.room.audio_files() == []
    with pytest.raises(VaultError):
        visit.room.vault.seal(slot, b"x", aad="x")
    facts = visit.state()
    assert (facts["state"], facts["has_audio"]) == ("open", False)
    assert facts["participants"][1]["answer"] == "withdrawn"
    consent, media = visit.room.filings("consent")[0], visit.room.filings("media")[0]
    assert (consent.wanted, media.wanted > 1) == (2, True)
    assert {"consent.withdraw", "recording.erase"} <= set(visit.room.audit())
    assert visit.alice.put_chunk(token, track, 0, 1, BODY).status_code == 403
    assert visit.carol.ok(f"/room/{visit.id}/withdraw") == said
    copy = visit.state(visit.carol)["links"]["copy"].split("#t=")[1]
    shown = visit.room.side("").ok("/copy", {"token": copy})
    assert (shown["consents"][0]["status"], shown["can_withdraw"], len(shown["receipts"])) == ("withdrawn", False, 2)
    assert visit.end()["state"] == "empty"
    assert visit.state()["reason"] == "withdrawn"
    assert visit.room.queue.woken == []


@pytest.mark.req("B02")
def test_the_next_chunk_is_refused_within_a_second_of_the_click(visit: Visit) -> None:
    """From the click to the refusal, with the erasing in between."""
    track, token = record_some(visit)
    began = time.perf_counter()
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert visit.alice.put_chunk(token, track, 0, 1, BODY).status_code == 403
    took_s = time.perf_counter() - began
    print(f"withdrawal to refusal: {took_s * 1000:.0f} ms")
    assert took_s < 1.0


@pytest.mark.req("B02")
def test_it_erases_transcript_summaries_and_drafts_after_the_end(visit: Visit) -> None:
    """A draft saved to the chart becomes entered-in-error; the session is empty with the reason."""
    record_some(visit)
    end_and_make_ready(visit)
    plain, saved = make_text(visit), ""
    with visit.room.db.begin() as db:
        saved_note = Note(
            **{
                column.name: getattr(notes.get(db, plain), column.name)
                for column in Note.__table__.columns
                if column.name not in ("id", "is_saved_to_chart")
            },
            is_saved_to_chart=True,
        )
        db.add(saved_note)
        db.flush()
        saved = saved_note.id
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    session = visit.room.session(visit.id)
    assert (session.state, session.reason, session.key_slot) == ("empty", "withdrawn", None)
    with visit.room.db.read() as db:
        assert db.query(Transcript).count() == db.query(TrackTranscript).count() == 0
        assert [row.sealed for row in db.query(Summary)] == [None, None]
        assert [(notes.get(db, each) or Note()).status for each in (plain, saved)] == ["draft", "entered-in-error"]
    assert sorted(visit.room.forgotten) == sorted([plain, saved])
    assert [filing.subject_id for filing in visit.room.filings("note")] == [saved]


@pytest.mark.req("B02", "S36", "D12", "D18")
def test_a_signed_note_and_its_summary_stay(visit: Visit) -> None:
    """Decision 18: what is left is erased, the signed note stays in the record."""
    record_some(visit)
    end_and_make_ready(visit)
    make_text(visit, status="signed")
    token = visit.state(visit.carol)["links"]["copy"].split("#t=")[1]
    visit.room.clock.tick(days=2)
    assert visit.room.side("").ok("/copy/withdraw", {"token": token})["answer"] == "withdrawn"
    with visit.room.db.read() as db:
        sealed = {row.version: row.sealed for row in db.query(Summary)}
    assert sealed == {1: b"summary", 2: None}
    assert visit.room.forgotten == []


@pytest.mark.req("B02")
@pytest.mark.parametrize("step", ["destroy", "unlink_recording", "receipt", "forget_ai_text"])
def test_the_sweep_finishes_what_a_crash_left(visit: Visit, step: str) -> None:
    """Wherever it is cut off: refused from the first step on, and the sweep ends with nothing left."""
    track, token = record_some(visit)
    make_text(visit)
    kit = visit.room.withdrawals

    def crash(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    owner: Any = {"destroy": visit.room.vault, "unlink_recording": visit.room.audio}.get(step, kit)
    works = getattr(owner, step)
    object.__setattr__(owner, step, crash)
    with pytest.raises(KeyboardInterrupt):
        visit.carol.post(f"/room/{visit.id}/withdraw")
    object.__setattr__(owner, step, works)
    assert visit.alice.put_chunk(token, track, 0, 1, BODY).status_code == 403
    assert visit.state()["participants"][1]["answer"] == "withdrawn"
    assert visit.start().status_code == 409
    assert finish_withdrawals(kit, at=visit.room.clock.now()) == 1
    assert finish_withdrawals(kit, at=visit.room.clock.now()) == 0
    assert visit.room.audio_files() == []
    with visit.room.db.read() as db:
        assert [row.status for row in consents.of_session(db, visit.id)] == ["inactive"]
        assert [row.consent_id is None for row in db.query(Receipt).order_by(Receipt.number)] == [True, False]
        assert db.query(Transcript).count() == 0
    assert visit.room.recordings(visit.id)[0].erase_cause == "withdrawn"


def test_a_repeated_withdrawal_does_not_touch_what_was_recorded_with_others_since(visit: Visit) -> None:
    """Carol withdraws and leaves; Pat agrees; Carol's second click erases nothing of Pat's."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    visit.answer(pat, agrees=True)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    visit.carol.ok(f"/room/{visit.id}/leave")
    visit.room.clock.tick(seconds=10)
    assert visit.start().json == {"state": "recording"}
    track, token = next(iter(visit.grants().items()))
    visit.alice.put_chunk(token, track, 0, 0, BODY)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert len(visit.room.audio_files()) == 1
    assert visit.state()["state"] == "recording"


def test_who_never_agreed_has_nothing_to_withdraw(visit: Visit) -> None:
    """And nobody can withdraw for another."""
    assert visit.carol.post(f"/room/{visit.id}/withdraw").json["code"] == "nothing_to_withdraw"
    visit.record()
    assert visit.alice.post(f"/room/{visit.id}/withdraw").status_code == 401
    assert visit.room.side("dan").post(f"/room/{visit.id}/withdraw").status_code == 401
    assert visit.room.side("").post("/copy/withdraw", {"token": "guess"}).status_code == 410
    assert visit.state()["state"] == "recording"


def test_a_withdrawal_works_without_an_audit_trail(visit: Visit) -> None:
    """It always runs; its line follows when it can (T12)."""
    record_some(visit)
    with visit.room.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_line")
    assert len(visit.carol.ok(f"/room/{visit.id}/withdraw")["receipts"]) == 2
    assert visit.room.audio_files() == []


@pytest.mark.req("B03", "S35")
def test_erasing_repeats_and_stops_what_still_runs(visit: Visit) -> None:
    """At 23 hours, even while recording: stopped, gone, one receipt."""
    record_some(visit)
    recording_id = visit.room.recordings(visit.id)[0].id
    for _ in range(2):
        with visit.room.db.begin() as db:
            visit.room.eraser(db, recording_id=recording_id, cause="deadline", at=visit.room.clock.now())
    with visit.room.db.read() as db:
        assert db.query(Receipt).count() == 1
    assert (visit.state()["state"], visit.room.audio_files()) == ("open", [])


@pytest.mark.req("C03")
def test_the_media_address_never_gives_sound(visit: Visit) -> None:
    """401 without a token of the EHR, 403 with one, 410 with the receipt after erasure; an OperationOutcome each."""
    record_some(visit)
    recording_id = visit.room.recordings(visit.id)[0].id
    known, garbage = {"Authorization": f"Bearer {KNOWN_BEARER}"}, {"Authorization": "Bearer garbage"}
    basic = {"Authorization": f"Basic {KNOWN_BEARER}"}
    for headers, status in (({}, 401), (known, 403), (garbage, 401), (basic, 401), ({"X-As": "alice"}, 401)):
        answer = visit.room.side("").http.get(f"/media/{recording_id}", headers=headers)
        assert (answer.status_code, answer.mimetype) == (status, "application/fhir+json")
        assert answer.json["resourceType"] == "OperationOutcome"
        assert ("invalid_token" in answer.headers.get("WWW-Authenticate", "")) == (headers is garbage)
    assert visit.room.side("").http.get("/media/unknown", headers=known).status_code == 401
    receipt = visit.carol.ok(f"/room/{visit.id}/withdraw")["receipts"][0]
    answer = visit.room.side("").http.get(f"/media/{recording_id}", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, receipt in answer.json["issue"][0]["details"]["text"]) == (410, True)


def test_the_sweep_removes_files_that_no_row_counts(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left by a crash between file and row, or beside an erasure; files of chunks stay."""
    record_some(visit)
    audio: AudioStore = visit.room.audio
    kept = visit.room.recordings(visit.id)[0].id
    stray = visit.room.settings.audio_dir / kept / "t" / "0-9-dead"
    stray.parent.mkdir()
    stray.write_bytes(b"sealed")
    gone = visit.room.settings.audio_dir / "no-such-recording" / "t"
    gone.mkdir(parents=True)
    (gone / "0-0-beef").write_bytes(b"sealed")
    assert sweep_orphans(visit.room.db, audio) == 1
    assert stray.exists()
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert sweep_orphans(visit.room.db, audio) == 1
    assert not stray.exists()
    assert len(visit.room.audio_files()) == 2


def trail(visit: Visit, *actions: str) -> list[tuple[str, str, str, dict[str, str]]]:
    """Return action, actor, subject and detail of the trail's lines of these actions, in order."""
    with visit.room.db.read() as db:
        rows = db.query(AuditLine).where(AuditLine.action.in_(actions)).order_by(AuditLine.number)
        return [(row.action, row.actor, row.subject, row.detail) for row in rows]


@pytest.mark.req("G22", "B02", "T12")
def test_the_trail_says_who_withdrew_and_what_was_erased_with_which_receipt(visit: Visit) -> None:
    """Three lines: the click, by the person; the erased recording and the ended consent, by the server."""
    record_some(visit)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    with visit.room.db.read() as db:
        consent = consents.of_session(db, visit.id)[0]
        receipts = [row.id for row in db.query(Receipt).order_by(Receipt.number)]
    recording_id = visit.room.recordings(visit.id)[0].id
    begun, erased, ended = trail(visit, "consent.withdraw", "recording.erase", "consent.withdrawn")
    assert (*begun[:3], begun[3]["session"]) == ("consent.withdraw", visit.carol.participant_id, consent.id, visit.id)
    assert erased[:3] == ("recording.erase", "server", recording_id)
    assert (erased[3]["cause"], erased[3]["receipt"]) == ("withdrawn", receipts[0])
    assert ended[:3] == ("consent.withdrawn", "server", consent.id)
    assert (ended[3]["session"], ended[3]["receipt"]) == (visit.id, receipts[1])


@pytest.mark.req("G22", "B02")
def test_a_withdrawal_raises_the_epoch_by_one_and_takes_the_worker_s_lease(visit: Visit) -> None:
    """Every grant of before is of another epoch, and no worker goes on with what is erased."""
    record_some(visit)
    visit.end()
    with visit.room.db.begin() as db:
        session = sessions.find(db, visit.id)
        sessions.apply(db, session, Event.CLAIM, actor="server", at=visit.room.clock.now())
        session.lease_owner, session.lease_until = "worker", visit.room.clock.now()
        before = session.consent_epoch
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    row = visit.room.session(visit.id)
    assert (row.consent_epoch, row.lease_owner, row.lease_until) == (before + 1, None, None)
    assert (row.state, row.reason_public) == ("empty", sessions.SESSION_REASONS["withdrawn"])


@pytest.mark.req("G22", "B02")
def test_an_erasure_owes_the_chart_its_tombstone_once_there_was_sound(visit: Visit) -> None:
    """The Media and the AuditEvent of a recording with a byte; nothing of one that never had any."""
    visit.record()
    recording_id = visit.room.recordings(visit.id)[0].id
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop")
    track, token = next(iter(visit.record().items()))
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    with_sound = next(row.id for row in visit.room.recordings(visit.id) if row.id != recording_id)
    assert [row.subject_id for row in visit.room.filings("media")] == [with_sound]
    assert [row.subject_id for row in visit.room.filings("audit-erasure")] == [with_sound]
    assert {row.erase_cause for row in visit.room.recordings(visit.id)} == {"withdrawn"}
