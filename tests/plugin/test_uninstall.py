"""`chartside uninstall`: sound dies first, what must be kept is exported, the rest goes; nothing of anybody else's."""

import base64
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from plugin import environment as environment_file
from plugin import uninstall
from plugin.uninstall import revoke_all
from smart_app import alive, config, kit
from smart_app import closing as ending
from smart_app.errors import ConfigError
from smart_app.note import material
from smart_app.note.content import Element
from smart_app.recording.audio import ChunkName
from smart_app.recording.keyslots import SLOT_BYTES, KeySlots
from smart_app.store import closing, recordings, retention, tables
from smart_app.store.database import Database
from tests.conftest import FrozenClock, environment
from tests.jobs.cast import Visit
from tests.plugin.conftest import Run
from tests.plugin.scripted import Reply, Scripted, json_reply

WORDS = "Client reports better sleep."


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """An installation with a recording, a consent and a signed note that no chart holds."""

    env_file: Path
    data_dir: Path
    recording_id: str

    @property
    def kept(self) -> Path:
        """Return where the test keeps what is exported."""
        return self.data_dir.parent / "kept"

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of an exported file."""
        return [json.loads(line) for line in (self.kept / name).read_text().splitlines()]


@pytest.fixture
def old(tmp_path: Path, server: Scripted) -> Old:
    """Make it; its registration can be ended at the scripted server."""
    registration = tmp_path / "registration.json"
    registration.write_text(json.dumps({"url": f"{server.url}/clients/1", "token": "manage-me"}))
    entry = {
        "iss": "http://localhost:9/fhir",
        "client_id": "chartside",
        "client_secret_file": str(tmp_path / "client-secret"),
        "registration_file": str(registration),
    }
    (tmp_path / "client-secret").write_text("x")
    (tmp_path / "ehrs.json").write_text(json.dumps([entry]))
    env = environment(tmp_path / "data", CHARTSIDE_BASE_URL="http://127.0.0.1:9")
    env |= {"CHARTSIDE_EHRS_FILE": str(tmp_path / "ehrs.json")}
    env.pop("CHARTSIDE_EHRS")
    settings = config.load(env)
    made = kit.make(settings)
    visit = Visit(db=made.db, clock=FrozenClock(datetime.now(UTC)), seal=made.seal, vault=made.vault, settings=settings)  # type: ignore[arg-type]
    visit.open()
    visit.answer()
    recording_id = visit.record(minutes=0)
    slot = visit.recording(recording_id).key_slot
    assert slot is not None
    with made.db.begin() as db:
        for track in recordings.tracks(db, recording_id):
            for chunk in recordings.chunks(db, track.id):
                name = ChunkName(recording_id=recording_id, track_id=track.id, run=0, number=chunk.number)
                chunk.path = made.audio.write(slot, name, b"sound").path
    visit.end()
    note_id = visit.write_note()
    with made.db.begin() as db:
        content = (Element(link_id="plan", title="Plan", text=WORDS),)
        db.get_one(tables.Note, note_id).content_sealed = material.seal_content(
            made.seal, note_id, content, for_chart=None
        )
    made.db.close()
    env_file = tmp_path / "chartside.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    return Old(env_file=env_file, data_dir=settings.data_dir, recording_id=recording_id)


@pytest.mark.req("C08", "B03")
def test_it_ends_an_installation_cleanly(chartside: Run, old: Old, server: Scripted) -> None:
    """Sound and keys are gone with a receipt, consents, audit and the unfiled note are kept, the client is deleted."""
    server.script["/clients/1"] = (204, {}, b"")
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept), "--yes", "--json")
    assert said.status == 0, said.out
    assert not old.data_dir.exists()
    receipt = json.loads(old.lines("receipts.jsonl")[0]["body"])
    assert (receipt["recording"], receipt["cause"]) == (old.recording_id, "closed")
    assert len(receipt["items"]) == 4
    assert [line["status"] for line in old.lines("consents.jsonl")] == ["active"]
    actions = [line["action"] for line in old.lines("audit.jsonl")]
    assert actions[-1] == "site.closed"
    assert "recording.erase" in actions
    assert WORDS in next((old.kept / "notes").iterdir()).read_text()
    assert said.json["revoked"] == ["http://localhost:9/fhir"]
    method, _, headers, _ = server.seen[-1]
    assert (method, headers["Authorization"]) == ("DELETE", "Bearer manage-me")
    assert all(path.stat().st_mode & 0o077 == 0 for path in [old.kept, *old.kept.rglob("*")])
    assert "manage-me" not in said.out
    key_file = str(old.kept / "receipts-public-key.txt")
    checked = chartside("verify", str(old.kept / "receipts.jsonl"), "--public-key", key_file)
    assert checked.status == 0, checked.out


@pytest.mark.usefixtures("in_process")
def test_nobody_to_ask_means_no(chartside: Run, old: Old) -> None:
    """Without a terminal and without --yes nothing happens, but what would end is shown."""
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept))
    assert said.status == 2
    assert "recordings that still have their sound" in said.out
    assert "--yes" in said.err
    assert "--json" not in said.err, "nobody said --json"
    assert not old.kept.exists()
    with sqlite3.connect(old.data_dir / "chartside.sqlite") as db:
        assert db.execute("SELECT count(*) FROM recording WHERE erased_at IS NULL").fetchone() == (1,)


@pytest.mark.usefixtures("in_process")
def test_a_registration_that_cannot_be_ended_is_left_to_the_admin(chartside: Run, old: Old, server: Scripted) -> None:
    """By name, with where to click; and with --keep-nothing nothing is exported."""
    server.script["/clients/1"] = (401, {}, b"")
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-nothing", "--yes", "--json")
    assert said.status == 0
    assert said.json["revoked"] == []
    assert "delete the client chartside" in said.json["left"][0]
    assert said.json["kept_in"] == ""
    secrets = next(line for line in said.json["left"] if line.startswith("Delete the secrets"))
    assert str(old.env_file.with_name("registration.json")) in secrets
    assert str(old.env_file.with_name("client-secret")) in secrets
    assert not any(path.name.startswith("chartside-kept") for path in old.data_dir.parent.iterdir())


@pytest.mark.parametrize(
    "reply", [(404, {}, b""), json_reply({}, 500), (302, {"Location": "https://evil.example"}, b"")]
)
def test_only_a_clear_yes_ends_a_registration(server: Scripted, tmp_path: Path, reply: Reply) -> None:
    """No route, a fault, a redirect: the admin is told to look."""
    kept = tmp_path / "registration.json"
    kept.write_text(json.dumps({"url": f"{server.url}/clients/1", "token": "manage-me"}))
    (tmp_path / "ehrs.json").write_text(json.dumps([{"iss": "https://e", "registration_file": str(kept)}]))
    server.script["/clients/1"] = reply
    done, left = revoke_all({"CHARTSIDE_EHRS_FILE": str(tmp_path / "ehrs.json")})
    assert done == []
    assert "https://e" in left[0]


def test_a_running_installation_is_not_ended(chartside: Run, old: Old, server: Scripted) -> None:
    """It would take recordings in the middle of it."""
    server.script["/healthz"] = json_reply({"status": "ok"})
    old.env_file.write_text(old.env_file.read_text() + f"CHARTSIDE_BASE_URL={server.url}\n")
    said = chartside("uninstall", "--env-file", str(old.env_file), "--yes", "--json")
    assert (said.status, said.json["error"]["code"]) == (1, "still_running")
    assert "systemctl stop" in said.json["error"]["todo"]
    assert old.data_dir.exists()


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("kind", [alive.WEB, alive.WORKER])
@pytest.mark.req("C08")
def test_a_process_behind_a_dead_proxy_still_counts_as_running(chartside: Run, old: Old, kind: str) -> None:
    """The public address does not answer, but a process of the installation holds its lock: nothing is removed."""
    with alive.held(old.data_dir, kind):
        said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept), "--yes", "--json")
        assert (said.status, said.json["error"]["code"]) == (1, "still_running")
        assert kind in said.json["error"]["sentence"]
        with pytest.raises(ConfigError, match="still_running"):
            ending.close(config.load(environment_file.read(old.env_file)), None)
    assert not old.kept.exists()
    with sqlite3.connect(old.data_dir / "chartside.sqlite") as db:
        assert db.execute("SELECT count(*) FROM recording WHERE erased_at IS NULL").fetchone() == (1,)


@pytest.mark.usefixtures("in_process")
def test_a_worker_elsewhere_counts_by_its_beat(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a database server a worker may run on another machine; a beat of just now says so."""
    monkeypatch.setattr(ending, "_is_own", lambda _: False)
    settings = config.load(environment_file.read(old.env_file))
    made = kit.make(settings)
    for age_s, running in ((60, []), (1, ["worker"])):
        with made.db.begin() as db:
            retention.beat(db, name="elsewhere", now=datetime.now(UTC) - timedelta(seconds=age_s))
        assert ending.plan(settings)["running"] == running
    made.db.close()


@pytest.mark.usefixtures("in_process")
def test_with_another_master_key_nothing_is_ended(chartside: Run, old: Old) -> None:
    """It could neither export the notes nor prove the erasures."""
    key = base64.b64encode(b"o" * 32).decode()
    old.env_file.write_text(old.env_file.read_text() + f"CHARTSIDE_MASTER_KEY={key}\n")
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept), "--yes", "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "master_key")
    assert not old.kept.exists()


def test_in_json_nobody_is_asked_and_no_table_is_written(chartside: Run, old: Old) -> None:
    """A script reads one JSON object, whatever happens."""
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "not_asked")
    assert old.data_dir.exists()


def test_only_a_data_folder_of_chartside_s_is_removed(chartside: Run, tmp_path: Path) -> None:
    """A wrong setting costs nobody their files."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "env").write_text(f"CHARTSIDE_DATA_DIR={tmp_path / 'precious'}\n")
    said = chartside("uninstall", "--env-file", str(tmp_path / "env"), "--yes", "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "no_installation")
    assert (tmp_path / "precious").exists()


@pytest.mark.usefixtures("in_process")
def test_what_is_kept_may_not_stand_in_what_is_removed(chartside: Run, old: Old) -> None:
    """Else the export would go with the data."""
    inside = old.data_dir / "kept"
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(inside), "--yes", "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "keep_inside")


@pytest.mark.usefixtures("in_process")
def test_a_folder_that_cannot_be_written_stops_it_before_anything_dies(chartside: Run, old: Old) -> None:
    """What must be kept has a place first."""
    (old.data_dir.parent / "file").write_text("not a folder")
    keep_to = old.data_dir.parent / "file" / "kept"
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(keep_to), "--yes", "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "cannot_write")
    with sqlite3.connect(old.data_dir / "chartside.sqlite") as db:
        assert db.execute("SELECT count(*) FROM recording WHERE erased_at IS NULL").fetchone() == (1,)


def test_tables_in_a_database_server_are_dropped(database: Database) -> None:
    """Ours, and no other; twice is once."""
    with database.begin() as db:
        db.execute(text("CREATE TABLE somebody_else (id INTEGER)"))
    closing.drop_tables(database)
    closing.drop_tables(database)
    with database.read() as db:
        names = set(db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    assert names <= {"somebody_else", "sqlite_sequence"}


def test_every_key_is_overwritten_before_the_file_goes(tmp_path: Path) -> None:
    """A second name of the file shows what is left on the disk: noise, and no head of a slot."""
    slots = KeySlots(tmp_path / "slots.bin", b"m" * 32)
    slots.make("somebody")
    (tmp_path / "second").hardlink_to(tmp_path / "slots.bin")
    before = (tmp_path / "second").read_bytes()
    slots.destroy_all()
    after = (tmp_path / "second").read_bytes()
    assert not (tmp_path / "slots.bin").exists()
    assert len(after) == len(before)
    assert not any(after[at : at + 4] == b"CSK1" for at in range(0, len(after), SLOT_BYTES))
    slots.destroy_all()  # a repeat finds nothing to do


@pytest.mark.req("C08")
def test_a_folder_that_cannot_be_removed_is_left_and_named(
    chartside: Run, old: Old, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount, or a parent that is root's: all in it is gone, and the list of what is left for a person still comes."""
    server.script["/clients/1"] = (204, {}, b"")
    really = uninstall.shutil.rmtree

    def as_one_who_may_not(folder: Path, *, ignore_errors: bool) -> None:
        assert ignore_errors, "an error in the middle would hide what is left"
        really(folder)
        (folder / "keys").mkdir(parents=True)

    monkeypatch.setattr(uninstall.shutil, "rmtree", as_one_who_may_not)
    said = chartside("uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept), "--yes", "--json")
    assert said.status == 0, said.err
    assert any(str(old.data_dir) in line and "remove it" in line for line in said.json["left"])
    assert len(said.json["left"]) > 1


def test_keeping_somewhere_and_keeping_nothing_contradict_each_other(chartside: Run, old: Old) -> None:
    """Nothing is removed by a command that says both."""
    said = chartside(
        "uninstall", "--env-file", str(old.env_file), "--keep-to", str(old.kept), "--keep-nothing", "--yes"
    )
    assert said.status == 2
    assert old.data_dir.exists()
