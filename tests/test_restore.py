"""The drill: yesterday's backup is restored. Notes, consents and the trail are back; what was erased stays erased."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smart_app import kit as kits
from smart_app.audit import check
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.languages import InItsLanguages
from smart_app.errors import ConfigError, Expired, VaultError
from smart_app.export.command import of_kit
from smart_app.recording.audio import ChunkName
from smart_app.recording.keyslots import KeySlots
from smart_app.session import State
from smart_app.store import sessions, tables
from smart_app.store.audit_head import AuditHead
from smart_app.store.database import Database
from tests.conftest import FrozenClock
from tests.fakes.room import Visit
from tests.fakes.site import FakeTranscriber, Site, whole_site
from tests.trust.figures import Say


@dataclass
class Drill:
    """A site with a backup of yesterday, and what was in it."""

    site: Site
    visit: Visit
    saved: Path
    counts: dict[str, int]

    def restore(self, *, with_keys: bool) -> kits.Kit:
        """Put the backup in place of everything; `with_keys`: the volume of the keys is still today's."""
        folder = self.site.settings.data_dir
        self.site.db.close()
        for path in folder.glob("chartside.sqlite*"):
            path.unlink()
        shutil.copy(self.saved / "chartside.sqlite", folder / "chartside.sqlite")
        shutil.rmtree(self.site.settings.audio_dir)
        shutil.copytree(self.saved / "audio", self.site.settings.audio_dir)
        if not with_keys:
            shutil.rmtree(self.site.settings.key_file.parent)
        return self.start()

    def start(self) -> kits.Kit:
        """Start the site."""
        drafter = InItsLanguages(BuiltinDrafter())
        ear = FakeTranscriber()
        return kits.make(
            self.site.settings,
            kits.Outside(clock=self.site.clock, transcriber=ear, speech_model="fake", drafter=drafter),
        )


KEPT = (tables.RecordingConsent, tables.Summary, tables.Note, tables.AuditLine, tables.Receipt, tables.Participant)


def counts(db: Database) -> dict[str, int]:
    """Count what a backup is for."""
    with db.read() as open_db:
        return {table.__tablename__: open_db.query(table).count() for table in KEPT}


@pytest.fixture
def drill(tmp_path: Path, clock: FrozenClock) -> Iterator[Drill]:
    """A summarised visit with a note; a backup as the guide says (and, against it, of the sound); a day goes by."""
    with whole_site(tmp_path / "data", clock) as site:
        site.work()
        visit = site.held()
        site.work()
        assert site.session(visit.id).state == State.READY
        visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
        saved = tmp_path / "backup"
        saved.mkdir()
        with sqlite3.connect(saved / "chartside.sqlite") as target:
            sqlite3.connect(site.settings.data_dir / "chartside.sqlite").backup(target)
        shutil.copytree(site.settings.audio_dir, saved / "audio")
        drill = Drill(site=site, visit=visit, saved=saved, counts=counts(site.db))
        clock.tick(hours=24)
        site.kit.steps.sweep()
        assert site.audio_files() == []
        yield drill


def heard(kit: kits.Kit, visit: Visit) -> list[bytes]:
    """Try everything to hear the restored sound, whatever the rows say."""
    found = []
    with kit.db.read() as db:
        rows = db.query(tables.Recording).filter_by(session_id=visit.id).all()
        chunks = db.query(tables.Chunk).all()
    for row in rows:
        for chunk in chunks:
            name = ChunkName(recording_id=row.id, track_id=chunk.track_id, run=chunk.run, number=chunk.number)
            alive = KeySlots(kit.settings.key_file, kit.settings).used()
            for slot in alive if row.key_slot is None else {row.key_slot, *alive}:
                try:
                    found.append(kit.audio.read(slot, name, chunk.path))
                except (VaultError, Expired):
                    continue
    return found


@pytest.mark.req("G07", "B03", "S35")
def test_yesterday_s_backup_brings_back_notes_consents_and_trail_and_no_sound(drill: Drill, figure: Say) -> None:
    """All that the backup held is there and opens; the erased sound cannot be read, though its files are back."""
    kit = drill.restore(with_keys=True)
    assert counts(kit.db) == drill.counts
    assert drill.counts["note"] == drill.counts["summary"] == 1
    assert drill.counts["audit_line"] > 5
    with kit.db.read() as db:
        note = db.query(tables.Note).one()
        assert kit.seal.open(note.content_sealed, aad=f"note:{note.id}")
        assert {row.status for row in db.query(tables.RecordingConsent)} == {"active"}
    restored = [path for path in kit.settings.audio_dir.rglob("*") if path.is_file()]
    assert len(restored) >= 2
    found = len(heard(kit, drill.visit))
    figure("G07", "erased chunks heard after a restore", got=found, goal=0, is_met=found == 0, cases=len(restored))
    assert found == 0
    kit.steps.sweep()
    assert [path for path in kit.settings.audio_dir.rglob("*") if path.is_file()] == []
    kit.db.close()


@pytest.mark.req("T13", "G07")
def test_without_the_keys_it_does_not_start_until_it_is_told_that_they_are_lost(drill: Drill) -> None:
    """A volume that is not mounted must not be taken for an empty one; and no new key gets an old one's number."""
    with pytest.raises(ConfigError) as refused:
        drill.restore(with_keys=False)
    assert refused.value.code == "keys_missing"
    assert "Mount the volume" in refused.value.todo
    lost = drill.site.settings.key_file.with_name("lost")
    lost.touch()
    kit = drill.start()
    assert not lost.exists()
    with kit.db.read() as db:
        old = db.query(tables.Recording).one().key_slot
    assert old is not None
    fresh = [kit.vault.new_key("new") for _ in range(3)]
    assert old not in fresh
    sealed = [kit.vault.seal(number, b"x", aad="a") for number in fresh]
    kit.steps.sweep()
    assert [kit.vault.open(number, body, aad="a") for number, body in zip(fresh, sealed, strict=True)] == [b"x"] * 3
    assert heard(kit, drill.visit) == []
    kit.db.close()


@pytest.mark.req("T13", "G07")
@pytest.mark.parametrize("left", [0, 100, 512])
def test_a_key_file_that_was_cut_is_no_new_one(drill: Drill, left: int) -> None:
    """Keys of lost slots would get the numbers of old rows, whose erasure would destroy them."""
    drill.site.sign_in()
    visit = drill.site.held()
    drill.site.db.close()
    file = drill.site.settings.key_file
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(ConfigError) as refused:
        drill.start()
    assert refused.value.code == "keys_missing"
    file.with_name("lost").touch()
    kit = drill.start()
    with kit.db.read() as db:
        old = db.query(tables.Recording).filter_by(session_id=visit.id).one().key_slot
    fresh = [kit.vault.new_key("new") for _ in range(70)]
    assert old not in fresh
    assert len(set(fresh)) == len(fresh)
    kit.db.close()


@pytest.mark.req("S35", "T13", "G07")
def test_keys_made_after_the_backup_do_not_outlive_the_restore(drill: Drill) -> None:
    """No row names them, so no deadline comes: an image of the disk could be read for ever. Living ones stay."""
    drill.site.sign_in()
    visit = drill.site.held()
    recording = drill.site.recordings(visit.id)[-1]
    kit = drill.restore(with_keys=True)
    slots = KeySlots(kit.settings.key_file, kit.settings)
    with kit.db.begin() as db:
        named = kit.vault.new_key("a session that goes on")
        db.query(tables.TelehealthSession).first().key_slot = named
    assert recording.key_slot in slots.used()
    kit.steps.sweep()
    drill.site.clock.tick(minutes=50)
    kit.steps.sweep()
    assert recording.key_slot in slots.used(), "a row may be about to be written"
    drill.site.clock.tick(minutes=20)
    kit.steps.sweep()
    assert slots.used() == {named}
    with kit.db.read() as db:
        told = [each.detail for each in db.query(tables.AuditLine).filter_by(action="key.destroyed")]
    assert {"key": f"slot-{recording.key_slot}"} in told
    kit.db.close()


@pytest.mark.req("T12", "B02", "M09")
def test_what_was_withdrawn_since_the_backup_is_told_of_and_erased_again(drill: Drill) -> None:
    """A backup knows nothing of later days: the trail's end, kept apart, shows that; a request erases it once more."""
    drill.visit.carol.ok(f"/room/{drill.visit.id}/withdraw")
    kit = drill.restore(with_keys=True)
    with kit.db.read() as db:
        summary = db.query(tables.Summary).one()
        assert summary.sealed is not None, "the draft is back, as the guide says"
        assert db.query(tables.Transcript).count() == 1
        session = sessions.find(db, drill.visit.id)
        assert session.key_slot is not None
    with pytest.raises(VaultError):
        kit.vault.open(session.key_slot, b"x" * 64, aad="transcript")
    found = check.check(kit.db, AuditHead(kit.settings.audit_head_file))
    assert [each.code for each in found.findings if each.mark == "problem"] == ["cut"]
    assert "restored a backup" in found.findings[0].todo
    records = of_kit(kit)
    client = records.find("carol", "")
    done = records.erase(client, records.plan(client, actor="server").code, actor="server")
    assert (done.unfinished, len(done.receipts)) == (0, 2)
    with kit.db.read() as db:
        assert db.query(tables.Summary).one().sealed is None
        assert db.query(tables.Transcript).count() == 0
        assert {row.status for row in db.query(tables.RecordingConsent)} == {"inactive"}
    later = check.check(kit.db, AuditHead(kit.settings.audit_head_file))
    assert (later.is_whole, [each.code for each in later.findings]) == (True, ["cut_before"])
    kit.db.close()
