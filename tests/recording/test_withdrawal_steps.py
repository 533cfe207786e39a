"""The steps of a withdrawal, one by one: their order, what each leaves, whom it does not touch, and what repeats."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from smart_app.errors import VaultError
from smart_app.recording.withdrawal import finish_withdrawals
from smart_app.session import State
from smart_app.store import audit_lines, consents, filings, notes, sessions, summaries
from smart_app.store.audit_head import AuditHead
from smart_app.store.tables import AuditLine, CaptureGrant, Filing, Note, Receipt, Summary
from tests.fakes.room import Side, Visit, open_visit
from tests.recording.row_locks import watched
from tests.recording.test_withdrawal import BODY, make_text, record_some

pytestmark = pytest.mark.req("G22", "B02")


class Crash(BaseException):
    """The server dies here."""


def crash_at(owner: Any, step: str, act: Callable[[], object]) -> None:
    """Do it with the server dying at this step; afterwards the step works again."""

    def crash(*_: Any, **__: Any) -> Any:
        raise Crash

    works = getattr(owner, step)
    object.__setattr__(owner, step, crash)
    try:
        with pytest.raises(Crash):
            act()
    finally:
        object.__setattr__(owner, step, works)


def record_with_pat(visit: Visit) -> Side:
    """Record Carol and her partner Pat, who both agreed; return Pat's side."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    for side in (visit.carol, pat):
        visit.answer(side, agrees=True)
    for track, token in visit.grants().items():
        assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201
    return pat


def finish(visit: Visit) -> int:
    """Sweep."""
    return finish_withdrawals(visit.room.withdrawals, at=visit.room.clock.now())


def test_sound_and_keys_go_before_anything_else_is_erased(visit: Visit) -> None:
    """What a crash leaves after that is ciphertext without a key: of the sound, and of the words."""
    record_some(visit)
    make_text(visit)
    slots = [visit.room.recordings(visit.id)[0].key_slot, visit.room.session(visit.id).key_slot]
    crash_at(visit.room.withdrawals, "forget_ai_text", lambda: visit.carol.post(f"/room/{visit.id}/withdraw"))
    assert visit.room.audio_files() == []
    for slot in slots:
        assert slot is not None
        with pytest.raises(VaultError):
            visit.room.vault.seal(slot, b"x", aad="x")


def test_one_that_cannot_be_finished_keeps_nobody_else_waiting(visit: Visit) -> None:
    """A key that cannot be overwritten now is tried again by each sweep; the other session is done meanwhile."""

    def leave_unfinished(of: Visit) -> None:
        record_some(of)
        crash_at(of.room.vault, "destroy", lambda: of.carol.post(f"/room/{of.id}/withdraw"))
        of.alice.ok(f"/sessions/{of.id}/end", {"last": {}})

    leave_unfinished(visit)
    other = open_visit(visit.room)
    leave_unfinished(other)
    destroy, stuck = visit.room.vault.destroy, visit.room.recordings(visit.id)[0].key_slot

    def full(slot: int) -> None:
        if slot == stuck:
            raise VaultError("key_disk", "The key store cannot be written.", "Free space.")
        destroy(slot)

    object.__setattr__(visit.room.vault, "destroy", full)
    assert finish(visit) == 1
    assert visit.room.recordings(other.id)[0].erased_at is not None
    object.__setattr__(visit.room.vault, "destroy", destroy)
    assert finish(visit) == 1
    assert visit.room.recordings(visit.id)[0].erased_at is not None


def test_a_second_click_finishes_what_a_crash_left(visit: Visit) -> None:
    """Whoever clicks again after a failure need not wait for the sweep."""
    record_some(visit)
    withdraw = f"/room/{visit.id}/withdraw"
    crash_at(visit.room.withdrawals, "receipt", lambda: visit.carol.post(withdraw))
    assert len(visit.carol.ok(withdraw)["receipts"]) == 2
    assert finish(visit) == 0


def test_from_the_first_step_on_no_grant_is_left(visit: Visit) -> None:
    """Not even one that its epoch makes worthless."""
    record_some(visit)
    crash_at(visit.room.vault, "destroy", lambda: visit.carol.post(f"/room/{visit.id}/withdraw"))
    with visit.room.db.read() as db:
        assert db.query(CaptureGrant).count() == 0


def test_a_withdrawal_takes_back_the_question_that_another_still_has(visit: Visit) -> None:
    """A newcomer's late yes to a recording that was withdrawn would count for nothing."""
    visit.record()
    pat = visit.bring("Pat", role="partner")
    assert pat.get(f"/room/{visit.id}/question").status_code == 200
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert pat.get(f"/room/{visit.id}/question").status_code == 204


@pytest.mark.req("C10")
def test_the_trail_says_who_withdrew(visit: Visit) -> None:
    """By the participant's own click it is the participant, and their receipt says so."""
    record_some(visit)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    with visit.room.db.read() as db:
        line = db.query(AuditLine).filter_by(action="consent.withdraw").one()
        row = consents.of_participant(db, visit.carol.participant_id)[0]
        receipt = json.loads(db.query(Receipt).filter_by(consent_id=row.id).one().body)
    assert (line.actor, line.detail["cause"], receipt["cause"]) == (visit.carol.participant_id, *["participant"] * 2)


def test_what_another_agreed_to_stays_theirs(visit: Visit) -> None:
    """Carol withdraws: the recording of both dies, but Pat's consent is neither ended, nor filed, nor receipted."""
    pat = record_with_pat(visit)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    with visit.room.db.read() as db:
        (hers,) = consents.of_participant(db, visit.carol.participant_id)
        (theirs,) = consents.of_participant(db, pat.participant_id)
        ended = [row.consent_id for row in db.query(Receipt) if row.consent_id is not None]
        wanted = {row.subject_id: row.wanted for row in db.query(Filing).filter_by(kind="consent")}
    assert (hers.status, theirs.status, theirs.withdrawn_at) == ("inactive", "active", None)
    assert ended == [hers.id]
    assert wanted == {hers.id: 2, theirs.id: 1}


def test_each_withdrawal_is_ended_once(visit: Visit) -> None:
    """Pat withdraws after Carol: hers is not filed, written in the trail or receipted a second time."""
    pat = record_with_pat(visit)
    for side in (visit.carol, pat):
        side.ok(f"/room/{visit.id}/withdraw")
        visit.room.clock.tick(seconds=10)
    with visit.room.db.read() as db:
        assert [row.status for row in consents.of_session(db, visit.id)] == ["inactive", "inactive"]
    assert [row.wanted for row in visit.room.filings("consent")] == [2, 2]
    assert visit.room.audit().count("consent.withdrawn") == 2
    with visit.room.db.read() as db:
        assert db.query(Receipt).count() == 3


def test_the_sweep_does_not_touch_what_was_recorded_with_others_since(visit: Visit) -> None:
    """Carol's withdrawal was cut short and she left; Pat recorded afterwards: only what she was in dies."""
    pat = record_with_pat(visit)
    crash_at(visit.room.vault, "destroy", lambda: visit.carol.post(f"/room/{visit.id}/withdraw"))
    visit.carol.ok(f"/room/{visit.id}/leave")
    visit.room.clock.tick(seconds=10)
    assert visit.start().json == {"state": "recording"}
    track, token = next(iter(visit.grants().items()))
    assert visit.alice.put_chunk(token, track, 0, 0, BODY).status_code == 201
    assert finish(visit) == 1
    first, second = visit.room.recordings(visit.id)
    assert (first.erase_cause, first.erased_at is not None) == ("withdrawn", True)
    assert (second.erase_cause, second.erased_at) == ("", None)
    assert len(visit.room.audio_files()) == 1
    assert visit.state()["state"] == "recording"
    with visit.room.db.read() as db:
        assert consents.live_of(db, pat.participant_id) is not None


def test_what_died_before_keeps_its_cause_and_its_receipt(visit: Visit) -> None:
    """Erased at its deadline, then withdrawn: no second receipt of the sound, and no other cause."""
    record_some(visit)
    recording_id = visit.room.recordings(visit.id)[0].id
    at = visit.room.clock.now()
    with visit.room.db.begin() as db:
        visit.room.eraser(db, recording_id=recording_id, cause="deadline", at=at)
    visit.room.clock.tick(seconds=10)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    row = visit.room.recordings(visit.id)[0]
    assert (row.erase_cause, row.erased_at) == ("deadline", at)
    assert visit.room.audit().count("recording.erase") == 1
    with visit.room.db.read() as db:
        assert [row.recording_id for row in db.query(Receipt).order_by(Receipt.number)] == [recording_id, None]


def test_a_draft_from_the_clinicians_own_words_does_not_save_the_next_one(visit: Visit) -> None:
    """B14: the own one stays as it is; the one of the recording behind it loses its words and its source."""
    record_some(visit)
    make_text(visit)
    with visit.room.db.begin() as db:
        db.query(Summary).filter_by(session_id=visit.id, version=1).one().origin = summaries.CLINICIAN
        (made,) = notes.drafts_of_session(db, visit.id)
        parts = {name.key: getattr(made, name.key) for name in Note.__table__.columns if name.key != "id"}
        db.add(Note(**parts | {"id": "own", "summary_version": 1}))
        db.add(Note(**parts | {"id": "drafted", "summary_version": 2}))
        db.delete(made)
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert visit.room.forgotten == ["drafted"]
    with visit.room.db.read() as db:
        versions = {row.id: row.summary_version for row in notes.drafts_of_session(db, visit.id)}
        sealed = {row.version: row.sealed for row in db.query(Summary)}
    assert versions == {"own": 1, "drafted": None}
    assert sealed == {1: b"summary", 2: None}


@pytest.mark.parametrize("has_task", [False, True])
def test_a_saved_draft_takes_its_task_in_the_chart_along(visit: Visit, has_task: bool) -> None:
    """The Task that asked to sign it is filed again where there is one, and none is made where there was none."""
    record_some(visit)
    note_id = make_text(visit, is_saved=True)
    if has_task:
        with visit.room.db.begin() as db:
            filings.owe(db, "task", note_id, session_id=visit.id, now=visit.room.clock.now())
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    assert [(row.subject_id, row.wanted) for row in visit.room.filings("note")] == [(note_id, 1)]
    assert [(row.subject_id, row.wanted) for row in visit.room.filings("task")] == [(note_id, 2)] * has_task


def test_the_late_lines_of_a_withdrawal_say_whom_they_are_about(visit: Visit) -> None:
    """The trail could not be written: what is owed to it names session and patient once it is there (T12)."""
    record_some(visit)
    database = visit.room.db
    audit_lines.guard(database, AuditHead(visit.room.settings.audit_head_file))
    with database.begin() as db:
        audit_lines.append(db, at=visit.room.clock.now(), actor="server", action="test", subject="site")
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no_line BEFORE INSERT ON audit_line BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    visit.carol.ok(f"/room/{visit.id}/withdraw")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER no_line")
    with database.begin() as db:
        assert audit_lines.catch_up(db, at=visit.room.clock.now()) == 3
    with database.read() as db:
        late = [row for row in db.query(AuditLine).order_by(AuditLine.number) if "late" in row.detail]
        patient_id = sessions.find(db, visit.id).patient_id
    assert [row.action for row in late] == ["consent.withdraw", "recording.erase", "consent.withdrawn"]
    assert [(row.detail["session"], row.patient_id) for row in late] == [(visit.id, patient_id)] * 3


def test_each_step_holds_the_sessions_row(visit: Visit) -> None:
    """An upload or an answer of the same moment waits, and finds what the step left."""
    record_some(visit)
    make_text(visit)
    path = f"/room/{visit.id}/withdraw"
    assert watched(visit.room.db, lambda: visit.carol.ok(path)).unheld == []
    assert visit.room.session(visit.id).state == State.OPEN
