"""How long summaries are kept where the admin set a limit, and what the sweep leaves in rows and trail."""

from datetime import timedelta

import pytest

from smart_app.retention import erasure
from smart_app.retention.erasure import Retention
from smart_app.session import State
from smart_app.store import tables
from tests.recording.row_locks import watched
from tests.retention.conftest import Archive
from tests.retention.test_erasure import in_state

DAYS = 30
pytestmark = pytest.mark.req("G22")


def keeper(archive: Archive, *, days: float | None = DAYS) -> Retention:
    """Return the retention of a site that keeps summaries for so many days."""
    visit = archive.visit
    return Retention(db=visit.db, clock=visit.clock, vault=visit.vault, destroy=archive._destroy, summary_days=days)


def summary(archive: Archive, version: int) -> tables.Summary:
    """Return a version of the session's summary as it is now."""
    with archive.visit.db.read() as db:
        return db.query(tables.Summary).filter_by(session_id=archive.visit.session_id, version=version).one()


def summarise_again(archive: Archive) -> None:
    """Add a second version, made now."""
    with archive.visit.db.begin() as db:
        parts = {"session_id": archive.visit.session_id, "style": "soap", "sealed": b"x", "speech_model": "m"}
        parts |= {"drafter": "d", "prompt_version": "1"}
        db.add(tables.Summary(**parts, version=2, made_at=archive.visit.clock.now()))


@pytest.mark.req("S34", "D12")
def test_a_summary_is_kept_for_the_admins_days_and_no_longer(archive: Archive) -> None:
    """To the second; then its words are gone, its session says so, and nothing of it is news any more."""
    archive.visit.open(state=State.READY)
    archive.visit.summarise()
    archive.visit.clock.tick(days=DAYS)
    keeper(archive).sweep()
    assert summary(archive, 1).sealed is not None
    assert (archive.visit.now_is().reason, archive.visit.now_is().seen_at) == ("", None)

    archive.visit.clock.tick(seconds=1)
    assert watched(archive.visit.db, keeper(archive).sweep).unheld == []
    row = archive.visit.now_is()
    assert summary(archive, 1).sealed is None
    assert (row.reason, row.seen_at) == ("summary_erased", archive.visit.clock.now())
    assert "limited time" in row.reason_public
    line = archive.visit.trail("summary.erased")[0]
    assert (line.actor, line.subject) == ("server", archive.visit.session_id)


def test_what_is_erased_is_not_erased_again(archive: Archive) -> None:
    """One line in the trail, however often the sweep comes by."""
    archive.visit.open(state=State.READY)
    archive.visit.summarise()
    archive.visit.clock.tick(days=DAYS + 1)
    for _ in range(2):
        keeper(archive).sweep()
    assert len(archive.visit.trail("summary.erased")) == 1


def test_a_session_with_a_newer_summary_says_nothing_of_the_old_one(archive: Archive) -> None:
    """The old version's words are gone; whoever opens the session finds the new one, and it stays news."""
    archive.visit.open(state=State.READY)
    archive.visit.summarise()
    archive.visit.clock.tick(days=DAYS, seconds=1)
    summarise_again(archive)
    keeper(archive).sweep()
    assert (summary(archive, 1).sealed, summary(archive, 2).sealed) == (None, b"x")
    assert (archive.visit.now_is().reason, archive.visit.now_is().seen_at) == ("", None)
    assert len(archive.visit.trail("summary.erased")) == 1


@pytest.mark.req("D12")
def test_a_site_without_a_limit_keeps_every_summary(archive: Archive) -> None:
    """No figure of the admin, no end."""
    archive.visit.open(state=State.READY)
    archive.visit.summarise()
    archive.visit.clock.tick(days=3650)
    keeper(archive, days=None).sweep()
    assert summary(archive, 1).sealed is not None


def test_each_summary_that_is_due_is_erased(archive: Archive) -> None:
    """Of every session, not only of the first."""
    ids = []
    for _ in range(2):
        ids.append(archive.visit.open(state=State.READY))
        archive.visit.summarise()
    archive.visit.clock.tick(days=DAYS + 1)
    keeper(archive).sweep()
    with archive.visit.db.read() as db:
        assert [row.sealed for row in db.query(tables.Summary)] == [None, None]
    assert {line.subject for line in archive.visit.trail("summary.erased")} == set(ids)


@pytest.mark.req("S35", "D05")
def test_the_reason_of_lost_sound_is_the_word_that_help_knows(archive: Archive) -> None:
    """Rows of years ago hold these words, so they never change; the lost session's row is held while it is closed."""
    assert (erasure.REASON_AUDIO_ERASED, erasure.REASON_SUMMARY_ERASED) == ("audio_erased", "summary_erased")
    in_state(archive, State.FAILED)
    archive.visit.clock.tick(hours=23)
    assert watched(archive.visit.db, archive.retention.sweep).unheld == []
    assert archive.visit.now_is().reason == "audio_erased"
    with archive.visit.db.read() as db:
        assert [row.actor for row in db.query(tables.SessionEvent)] == ["server"]


def test_a_transcript_of_a_session_without_a_key_is_erased_too(archive: Archive) -> None:
    """A key that went before does not keep the rows alive."""
    in_state(archive, State.READY)
    archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(hours=1))
    assert archive.visit.now_is().key_slot is None
    archive.visit.clock.tick(hours=1)
    archive.retention.sweep()
    assert archive.texts() == 0
    assert len(archive.visit.trail("transcript.erased")) == 1


def test_every_transcript_that_is_due_is_erased(archive: Archive) -> None:
    """Of every session, each with its own line."""
    for _ in range(2):
        in_state(archive, State.READY)
        archive.merge(erase_due_at=archive.visit.clock.now() + timedelta(hours=1))
    archive.visit.clock.tick(hours=1)
    archive.retention.sweep()
    assert archive.texts() == 0
    assert len(archive.visit.trail("transcript.erased")) == 2
