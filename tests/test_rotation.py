"""The master key is turned over while Chartside runs: everything opens all the time, the old key opens nothing."""

import base64
import os
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, update

from smart_app import config, rotation
from smart_app.config import Settings
from smart_app.errors import ConfigError, VaultError
from smart_app.keyring import Keyring
from smart_app.recording.keyslots import KeySlots
from smart_app.secret import Secret
from smart_app.store import live_tables, resealing, tables
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from tests.campaigns import rotation as campaign
from tests.conftest import FrozenClock, environment
from tests.trust.figures import Say

OLD, NEW = Secret(b"o" * 32), Secret(b"n" * 32)
BY_DATA_KEYS = {
    tables.TrackTranscript.__table__.c.sealed,
    tables.Transcript.__table__.c.sealed,
    live_tables.HeardStretch.__table__.c.sealed,
}
"""Sealed by keys of the slot file, which are wrapped anew instead."""


def lines(*keys: Secret) -> bytes:
    """Return a key file's content."""
    return b"".join(base64.b64encode(key.reveal()) + b"\n" for key in keys)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with the old key."""
    file = tmp_path / "master.key"
    file.write_bytes(lines(OLD))
    file.chmod(0o600)
    return file


@pytest.fixture
def site(tmp_path: Path, key_file: Path) -> Settings:
    """Settings of a site whose master key is in a file."""
    more = {"CHARTSIDE_MASTER_KEY": "", "CHARTSIDE_MASTER_KEY_FILE": str(key_file)}
    return config.load(environment(tmp_path / "data", **more))


@pytest.mark.req("T13", "G20")
def test_a_rotation_while_a_session_records_breaks_nothing(tmp_path: Path, figure: Say) -> None:
    """G20, the short form: every read and every chunk works all the time, and the old key opens nothing after."""
    found = campaign.turn_over(tmp_path, rotations=2, pause_s=0.1)
    assert found.chunks >= 8
    assert found.sealed >= 2 * 5
    assert found.keys >= 2 * 1
    seen, tried = found.reads + found.chunks, found.old_tried
    is_met = not found.failures
    figure(
        "G20", "values that did not open during rotations", got=len(found.failures), goal=0, is_met=is_met, cases=seen
    )
    is_met = found.old_opened == 0
    figure("G20", "values that an old key still opens", got=found.old_opened, goal=0, is_met=is_met, cases=tried)
    assert found.failures == []
    assert (found.old_opened, tried > 20) == (0, True)


@pytest.mark.req("T13")
def test_every_sealed_column_is_sealed_anew() -> None:
    """A column of sealed bytes that the rotation does not know would be lost with the old key."""
    sealed = {
        column
        for table in Base.metadata.tables.values()
        for column in table.columns
        if type(column.type) is LargeBinary
    }
    known = {column.property.columns[0] for column, _ in resealing.SEALED}
    assert sealed == known | BY_DATA_KEYS


@pytest.mark.req("T13")
def test_every_blob_names_its_key_and_older_blobs_open_all_the_same() -> None:
    """The id of the key stands in the value; a value of the version before named none."""
    old, both = Seal(OLD), Seal(Keyring((NEW, OLD)))
    sealed = old.seal({"a": 1}, aad="x")
    assert sealed[1:5] == Keyring.of(OLD).current().id
    assert both.open(sealed, aad="x") == {"a": 1}
    assert not both.is_current(sealed)
    again = both.again(sealed, aad="x")
    assert (both.is_current(again), Seal(NEW).open(again, aad="x")) == (True, {"a": 1})
    with pytest.raises(VaultError):
        old.open(again, aad="x")
    unnamed = b"\x01" + sealed[5:]
    assert both.open(unnamed, aad="x") == old.open(unnamed, aad="x") == {"a": 1}
    with pytest.raises(VaultError):
        both.open(unnamed, aad="y")


@pytest.mark.req("T13")
def test_data_keys_are_wrapped_anew_in_place(tmp_path: Path) -> None:
    """Same number, same key, same place in the file; no byte of the old wrapping is left; broken is told."""
    path = tmp_path / "slots.bin"
    slots = KeySlots(path, OLD)
    numbers = [slots.make("x") for _ in range(5)]
    slots.destroy(numbers[0])
    keys, before = {number: slots.get(number) for number in numbers[1:]}, path.read_bytes()
    with path.open("r+b") as file:
        file.seek(512 * 4 + 30)
        file.write(b"broken")
    new = KeySlots(path, Keyring((NEW, OLD)))
    assert new.rewrap() == (3, 1)
    assert new.rewrap() == (0, 1)
    assert {number: KeySlots(path, NEW).get(number) for number in numbers[1:4]} == {n: keys[n] for n in numbers[1:4]}
    after = path.read_bytes()
    assert len(after) == len(before)
    assert not any(before[512 * at + 13 : 512 * at + 60] in after for at in (1, 2, 3))
    for number in numbers:
        with pytest.raises(VaultError):
            KeySlots(path, OLD).get(number)


@pytest.mark.req("T13")
def test_running_processes_follow_the_file(key_file: Path) -> None:
    """No restart: the next use sees the new key; a file that is broken or gone for a moment changes nothing."""
    ring = Keyring((OLD,), key_file)
    assert ring.current().secret.reveal() == OLD.reveal()
    key_file.write_bytes(lines(NEW, OLD))
    assert ring.current().secret.reveal() == NEW.reveal()
    assert len(ring) == 2
    key_file.write_bytes(b"half a k")
    assert ring.current().secret.reveal() == NEW.reveal()
    key_file.unlink()
    assert len(ring) == 2


@pytest.mark.req("T13", "T12")
def test_it_is_told_in_the_trail_and_the_old_key_leaves_the_file(site: Settings, key_file: Path) -> None:
    """Before and after; mode and content of the file; broken values are counted and do not hold it up."""
    clock = FrozenClock()
    rotation.rotate(site, clock.now, pause=lambda _: None)
    db = Database(site.database_url)
    now = {"created_at": clock.now(), "iss": "x"}
    with db.begin() as open_db:
        open_db.add(tables.Launch(id="whole", secrets_sealed=Seal(site).seal("s", aad="launch.secrets:whole"), **now))
        open_db.add(tables.Launch(id="broken", secrets_sealed=os.urandom(80), **now))
    done = rotation.rotate(site, clock.now, pause=lambda _: None)
    assert (done["sealed"], done["keys"], done["broken"]) == (1, 0, 1)
    assert len(config.keys_of(key_file.read_bytes())) == 1
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert list(key_file.parent.glob("*.new")) == []
    with db.read() as open_db:
        actions = [row.action for row in open_db.query(tables.AuditLine).order_by(tables.AuditLine.number)]
        sealed = open_db.get_one(tables.Launch, "whole").secrets_sealed
    assert actions == ["master_key.rotate", "master_key.rotated"] * 2
    assert sealed is not None
    assert Seal(config.keys_of(key_file.read_bytes())[0]).open(sealed, aad="launch.secrets:whole") == "s"
    db.close()


@pytest.mark.req("T13")
def test_one_that_was_cut_short_is_finished(site: Settings, key_file: Path) -> None:
    """Two keys in the file: no third is made; the first stays, the second goes."""
    key_file.write_bytes(lines(NEW, OLD))
    key_file.with_name("master.key.new").write_bytes(b"left by a crash")
    rotation.rotate(site, FrozenClock().now, pause=lambda _: None)
    assert key_file.read_bytes() == lines(NEW)


@pytest.mark.req("T13", "T12")
def test_without_an_audit_line_nothing_is_turned_over(site: Settings, key_file: Path) -> None:
    """Fail closed, before the first change."""
    rotation.rotate(site, FrozenClock().now, pause=lambda _: None)
    before = key_file.read_bytes()
    db = Database(site.database_url)
    with db.begin() as open_db:
        open_db.execute(update(tables.AuditLine).values(number=tables.AuditLine.number + 2**62))
        open_db.connection().exec_driver_sql("ALTER TABLE audit_line RENAME TO gone")
    db.close()
    with pytest.raises(Exception, match="audit"):
        rotation.rotate(site, FrozenClock().now, pause=lambda _: None)
    assert key_file.read_bytes() == before


def test_a_key_in_the_environment_is_not_turned_over(settings: Settings) -> None:
    """The way to a file is told."""
    with pytest.raises(ConfigError) as refused:
        rotation.rotate(settings, FrozenClock().now)
    assert "CHARTSIDE_MASTER_KEY_FILE" in refused.value.todo


def test_a_process_that_never_learns_of_the_new_key_is_named(site: Settings) -> None:
    """On another machine with another file: it would go on sealing with the old key, so the old key stays."""
    clock = FrozenClock()
    rotation.rotate(site, clock.now, pause=lambda _: None)
    db = Database(site.database_url)
    assert site.master_key_file is not None
    stale = Seal(config.keys_of(site.master_key_file.read_bytes())[0])

    def writes_meanwhile(_: float) -> None:
        with db.begin() as open_db:
            sealed = stale.seal("s", aad="launch.secrets:one")
            open_db.merge(tables.Launch(id="one", iss="x", created_at=clock.now(), secrets_sealed=sealed))

    with pytest.raises(ConfigError, match="still_old"):
        rotation.rotate(site, clock.now, pause=writes_meanwhile)
    assert len(config.keys_of(site.master_key_file.read_bytes())) == 2
    db.close()


def test_two_at_once_are_refused(site: Settings) -> None:
    """Each would take the other's new key out of the file."""

    def again(_: float) -> None:
        with pytest.raises(ConfigError, match="rotating"):
            rotation.rotate(site, FrozenClock().now)

    rotation.rotate(site, FrozenClock().now, pause=again)
