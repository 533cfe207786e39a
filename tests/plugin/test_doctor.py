"""`chartside doctor`: a live diagnosis of an installation."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from werkzeug.serving import make_server

from plugin import environment, machine
from plugin.doctor import examine
from smart_app import closing, config, create_app, kit
from smart_app.alive import held
from smart_app.errors import ConfigError
from smart_app.jobs.takeover import at_work
from smart_app.recording.keyslots import KeySlots
from smart_app.store import retention
from tests.peers.openemr_like.process import OpenEmrLike
from tests.plugin.conftest import Run
from tests.plugin.scripted import Scripted, certificate, json_reply

NOW = datetime.now(UTC)
GOOD_STATE: dict[str, Any] = {
    "revision": "0003",
    "newest_revision": "0003",
    "worker_seen_at": (NOW + timedelta(hours=1)).isoformat(),
    "oldest_unerased_at": None,
    "overdue": 0,
    "owed": 0,
    "parked": {},
    "refused": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A small site at a poor EHR, with its environment file."""

    env_file: Path
    data_dir: Path
    ehr: OpenEmrLike
    client_id: str


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Run the web process in a thread; the app is registered at an OpenEMR and not yet enabled there."""
    folder = tmp_path_factory.mktemp("site")
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    base = f"http://127.0.0.1:{server.server_port}"
    with OpenEmrLike() as ehr:
        client = ehr.register(redirect_uri=f"{base}/launch/callback", launch_uri=f"{base}/launch", is_enabled=False)
        entry = {
            "iss": ehr.fhir_url,
            "name": "Poor EHR",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "expected_issuer": ehr.oauth_url,
            "admin_users": ["Practitioner/erin"],
        }
        env = {
            "CHARTSIDE_BASE_URL": base,
            "CHARTSIDE_LOOPBACK_DEV": "1",
            "CHARTSIDE_DATA_DIR": str(folder / "data"),
            "CHARTSIDE_DISK_RESERVE_BYTES": "1000",
            **{f"CHARTSIDE_{name}_FILE": str(folder / name) for name in ("MASTER_KEY", "SIGNING_KEY", "EHRS")},
        }
        for name, content in (
            ("MASTER_KEY", base64.b64encode(b"m" * 32)),
            ("SIGNING_KEY", base64.b64encode(b"s" * 32)),
            ("EHRS", json.dumps([entry]).encode()),
        ):
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        env_file = folder / "chartside.env"
        env_file.write_text("# Chartside\n" + "".join(f'{name}="{value}"\n' for name, value in env.items()))
        env_file.chmod(0o600)
        settings = config.load(env)
        server.app = create_app(settings, kit.make(settings))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        # The app runs in this process: its log must not stand between the lines of the command's answer.
        logs = structlog.get_config()
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        yield Installation(env_file=env_file, data_dir=settings.data_dir, ehr=ehr, client_id=str(client["client_id"]))
        structlog.configure(**logs)
        server.shutdown()
        server.server_close()


def marks(findings: list[dict[str, str]]) -> dict[str, str]:
    """Return code: mark."""
    return {one["code"]: one["mark"] for one in findings}


@contextmanager
def worker_of(installation: Installation) -> Iterator[None]:
    """Let a worker run."""
    made = kit.make(config.load(environment.read(installation.env_file)))
    with made.db.begin() as db:
        retention.beat(db, name="test", now=datetime.now(UTC))
    with at_work(made.settings, made.db):
        yield
    made.db.close()


@pytest.mark.usefixtures("in_process")
@pytest.mark.req("C08")
def test_it_looks_at_a_running_installation(chartside: Run, installation: Installation) -> None:
    """A disabled client and a missing worker are problems; both gone, nothing is left to mend."""
    installation.ehr.control("client", client_id=installation.client_id, is_enabled=False)
    said = chartside("doctor", "--env-file", str(installation.env_file), "--json")
    assert said.status == 1
    found = marks(said.json["findings"])
    assert {code for code, mark in found.items() if mark == "problem"} == {"worker", "client_refused"}
    refused = next(one for one in said.json["findings"] if one["code"] == "client_refused")
    assert "API Clients" in refused["todo"]

    installation.ehr.control("client", client_id=installation.client_id, is_enabled=True)
    with worker_of(installation):
        said = chartside("doctor", "--env-file", str(installation.env_file))
    assert said.status == 0, said.out
    assert "Nothing to mend." in said.out
    assert "it accepts the registration" in said.out
    assert "not-a-secret" not in said.out


@pytest.mark.usefixtures("in_process")
def test_a_worker_that_died_is_missed_at_once(chartside: Run, installation: Installation) -> None:
    """Its last beat is a second old, but on SQLite all workers are here, and none holds the lock."""
    with worker_of(installation):
        pass
    said = chartside("doctor", "--env-file", str(installation.env_file), "--json")
    assert marks(said.json["findings"])["worker"] == "problem"


@pytest.mark.usefixtures("in_process")
@pytest.mark.req("C08")
def test_another_master_key_is_named_and_stops_what_would_use_it(chartside: Run, installation: Installation) -> None:
    """Well formed and wrong: doctor says which setting and what to do, the rest of it still answers; keys refuses."""
    other = installation.env_file.with_name("OTHER_KEY")
    other.write_bytes(base64.b64encode(b"o" * 32))
    other.chmod(0o600)
    env_file = installation.env_file.with_name("other.env")
    env_file.write_text(installation.env_file.read_text() + f"CHARTSIDE_MASTER_KEY_FILE={other}\n")
    with worker_of(installation):
        pass
    said = chartside("doctor", "--env-file", str(env_file), "--json")
    found = {one["code"]: one for one in said.json["findings"]}
    assert "CHARTSIDE_MASTER_KEY" in found["master_key"]["found"]
    assert "backup" in found["master_key"]["todo"]
    assert {"web", "database", "ehr"} <= set(found)
    settings = config.load(environment.read(env_file))
    with pytest.raises(ConfigError, match="master_key"):
        kit.make(settings)
    with pytest.raises(ConfigError, match="master_key"):
        closing.plan(settings)
    said = chartside("keys", "list", "--env-file", str(env_file), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "master_key")


def test_a_refusal_of_the_app_keeps_its_own_words(chartside: Run, installation: Installation) -> None:
    """Through the app's real process: the sentence and what to do, no traceback."""
    other = installation.env_file.with_name("third.env")
    key = base64.b64encode(b"t" * 32).decode()
    lines = [one for one in installation.env_file.read_text().splitlines() if "MASTER_KEY" not in one]
    other.write_text("\n".join([*lines, f"CHARTSIDE_MASTER_KEY={key}"]) + "\n")
    with worker_of(installation):
        pass
    chartside("keys", "list", "--env-file", str(installation.env_file))
    said = chartside("keys", "list", "--env-file", str(other), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "master_key")
    assert "CHARTSIDE_MASTER_KEY" in said.json["error"]["sentence"]


@pytest.mark.usefixtures("in_process")
def test_keys_are_turned_over_through_the_app(chartside: Run, installation: Installation) -> None:
    """The new keys are published beside the old ones; private halves are never shown."""
    before = chartside("keys", "list", "--env-file", str(installation.env_file), "--json").json
    after = chartside("keys", "rotate", "--env-file", str(installation.env_file), "--json").json
    assert {key["kid"] for key in before["keys"]} < {key["kid"] for key in after["keys"]}
    assert len(after["made"]) == 2
    assert not any("d" in key for key in after["keys"])
    assert {each["state"] for each in before["states"].values()} == {"signs"}
    for key in after["keys"]:
        state = after["states"][key["kid"]]
        is_new = key["kid"] in after["made"]
        assert state["state"] == ("waits" if is_new else "signs")
        assert after["signs_from"] == (state["since"] if is_new else state["until"])
    shown = chartside("keys", "list", "--env-file", str(installation.env_file)).out
    assert "signs from" in shown
    assert " until " in shown


@pytest.mark.parametrize("command", [("doctor",), ("keys", "list"), ("fhir-client", "list")])
@pytest.mark.usefixtures("in_process")
def test_without_settings_the_way_to_them_is_named(
    chartside: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The service's settings are in its file, not in an administrator's shell."""
    for name in [each for each in os.environ if each.startswith("CHARTSIDE_")]:
        monkeypatch.delenv(name)
    said = chartside(*command)
    assert said.status == 2
    assert "--env-file" in said.err


@pytest.mark.parametrize("state", [None, {"fault": "OperationalError"}])
@pytest.mark.usefixtures("in_process")
def test_a_registration_that_was_not_asked_about_is_told(
    tmp_path: Path, server: Scripted, state: dict[str, Any] | None
) -> None:
    """Silence would look like an EHR that accepts it."""
    server.good()
    ehr = {"iss": f"{server.url}/fhir", "name": "E", "expected_issuer": server.url, "admin_users": []}
    found = [one for one in examine(facts(tmp_path, state=state, ehrs=[ehr]), {}) if one.code == "client_not_asked"]
    assert [one.mark for one in found] == ["note"]
    assert ("not been started" in found[0].found) is (state is None)
    asked = {**ehr, "client_id": "c", "auth": "none", "token": {"status": 400, "error": "invalid_grant"}}
    assert "client_not_asked" not in {one.code for one in examine(facts(tmp_path, ehrs=[asked]), {})}


@pytest.mark.usefixtures("in_process")
def test_an_ehr_of_the_clinic_s_own_authority_is_looked_at_as_the_app_does(tmp_path: Path) -> None:
    """With CHARTSIDE_CA_FILE its certificate is no problem; without, it is; the site's own address may have it too."""
    pem = certificate(tmp_path)
    with Scripted({}, certificate=pem).running() as tls:
        tls.good()
        tls.script["/healthz"] = json_reply({"status": "ok"})
        ehr = {"iss": f"{tls.url}/fhir", "name": "E", "expected_issuer": tls.url, "admin_users": []}
        told = facts(tmp_path, base_url=tls.url, ehrs=[ehr])
        with_it = {one.code: one.mark for one in examine(told, {"CHARTSIDE_CA_FILE": str(pem)})}
        without = {one.code: one.mark for one in examine(told, {})}
    assert (with_it["ehr"], with_it["web"]) == ("ok", "ok")
    assert (without["ehr_certificate"], without["web"]) == ("problem", "problem")


def test_wrong_settings_end_it_with_the_app_s_own_words(chartside: Run, installation: Installation) -> None:
    """Exit status 2, the setting's name, and what to do."""
    broken = installation.env_file.with_name("broken.env")
    broken.write_text(installation.env_file.read_text() + "CHARTSIDE_AUDIO_MAX_HOURS=48\n")
    said = chartside("doctor", "--env-file", str(broken), "--json")
    assert said.status == 2
    assert "CHARTSIDE_AUDIO_MAX_HOURS" in said.json["error"]["sentence"]


@pytest.mark.parametrize("content", [None, "CHARTSIDE_BASE_URL\n", b"\xff\xfe"])
def test_an_environment_file_that_cannot_be_read_is_named(
    chartside: Run, tmp_path: Path, content: str | bytes | None
) -> None:
    """Missing, without a value, or no text."""
    path = tmp_path / "env"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    said = chartside("doctor", "--env-file", str(path))
    assert said.status == 2
    assert "env" in said.err


def test_another_user_is_sent_away(chartside: Run, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root would leave files behind that the service cannot write."""
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    said = chartside("doctor", "--env-file", str(installation.env_file), "--json")
    assert said.status == 2
    assert said.json["error"]["code"] == "wrong_user"


def facts(tmp_path: Path, **more: Any) -> dict[str, Any]:
    """Return the facts of a good installation whose web address nobody serves, with changes."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    return {
        "base_url": "http://127.0.0.1:9",
        "data_dir": str(data),
        "key_file": str(data / "keys" / "slots.bin"),
        "disk_reserve_bytes": 1000,
        "has_turn": True,
        "drafter": "builtin",
        "drafter_url": "",
        "speech_model": {"folder": "/models/tiny"},
        "database": "sqlite",
        "running": ["web", "worker"],
        "unknown_settings": [],
        "master_key": {},
        "state": GOOD_STATE,
        "ehrs": [],
        **more,
    }


@pytest.mark.parametrize(
    ("change", "code", "mark"),
    [
        ({"state": None}, "never_started", "problem"),
        ({"state": {"fault": "OperationalError"}}, "database", "problem"),
        ({"state": {**GOOD_STATE, "revision": "0001"}}, "migrations", "problem"),
        ({"state": {**GOOD_STATE, "worker_seen_at": None}}, "worker", "problem"),
        ({"state": {**GOOD_STATE, "worker_seen_at": (NOW - timedelta(minutes=1)).isoformat()}}, "worker", "problem"),
        ({"running": ["web"]}, "worker", "problem"),
        ({"running": [], "database": "postgresql"}, "worker", "ok"),
        ({"master_key": {"fault": {"code": "master_key", "public": "No.", "todo": "Do."}}}, "master_key", "problem"),
        ({"unknown_settings": [["CHARTSIDE_EHR_FILE", "CHARTSIDE_EHRS_FILE"]]}, "unknown_setting", "warning"),
        ({"state": {**GOOD_STATE, "overdue": 2}}, "retention", "problem"),
        ({"state": {**GOOD_STATE, "owed": 3}}, "owed", "note"),
        ({"state": {**GOOD_STATE, "parked": {"needs_relaunch": 1}}}, "parked_needs_relaunch", "warning"),
        ({"state": {**GOOD_STATE, "parked": {"not_taken": 1}}}, "parked_not_taken", "note"),
        (
            {"state": {**GOOD_STATE, "refused": [{"iss": "https://e", "what": "Media create", "status": 403}]}},
            "refused",
            "note",
        ),
        ({"speech_model": {"fault": {"public": "No model.", "todo": "Install it."}}}, "speech_model", "problem"),
        ({"drafter": "openai", "drafter_url": "https://llm.example"}, "outside_drafter", "note"),
        ({"has_turn": False}, "no_turn", "note"),
        ({"disk_reserve_bytes": 10**15}, "disk_full", "problem"),
        ({"data_dir": "/no/such/folder"}, "no_data_dir", "problem"),
        ({}, "web", "problem"),
    ],
)
@pytest.mark.req("C08")
def test_each_fault_of_an_installation_is_found(tmp_path: Path, change: dict[str, Any], code: str, mark: str) -> None:
    """Each with its code, its weight and what to do about a problem."""
    found = [one for one in examine(facts(tmp_path, **change), {}) if one.code == code]
    assert [one.mark for one in found] == [mark]
    assert found[0].todo or mark != "problem"


def test_secrets_that_others_can_read_are_named(tmp_path: Path) -> None:
    """By mode, by place, or missing."""
    open_file = tmp_path / "master"
    open_file.write_text("x")
    open_file.chmod(0o644)
    env = {
        "CHARTSIDE_MASTER_KEY_FILE": str(open_file),
        "CHARTSIDE_SIGNING_KEY": "in the environment",
        "CHARTSIDE_EHRS_FILE": str(tmp_path / "missing"),
    }
    found = {one.code: one for one in environment.check_secrets(env)}
    assert set(found) == {"file_open", "secret_in_environment", "file_missing"}
    assert found["file_open"].todo == f"chmod 600 {open_file}"
    assert "in the environment," not in found["secret_in_environment"].todo


def test_files_of_an_ehr_s_entry_are_looked_at_too(tmp_path: Path) -> None:
    """Its client secret, and the token that could end the registration."""
    for name in ("secret", "registration"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o640)
    entry = {"client_secret_file": str(tmp_path / "secret"), "registration_file": str(tmp_path / "registration")}
    (tmp_path / "ehrs.json").write_text(json.dumps([entry]))
    (tmp_path / "ehrs.json").chmod(0o600)
    found = list(environment.check_secrets({"CHARTSIDE_EHRS_FILE": str(tmp_path / "ehrs.json")}))
    assert [one.code for one in found] == ["file_open", "file_open"]
    assert {one.todo for one in found} == {f"chmod 600 {tmp_path / name}" for name in ("secret", "registration")}


@pytest.mark.usefixtures("in_process")
def test_an_open_environment_file_is_named(chartside: Run, installation: Installation) -> None:
    """It may hold secrets, or soon will."""
    open_file = installation.env_file.with_name("open.env")
    open_file.write_text(installation.env_file.read_text())
    open_file.chmod(0o644)
    said = chartside("doctor", "--env-file", str(open_file), "--json")
    assert f"chmod 600 {open_file}" in [one["todo"] for one in said.json["findings"]]


def test_two_ehrs_of_one_name_are_warned_of(tmp_path: Path) -> None:
    """A clinician who chooses one could not tell them apart."""
    ehrs = [{"iss": f"https://e.invalid/{one}", "name": "Same", "admin_users": []} for one in "ab"]
    found = [one for one in examine(facts(tmp_path, ehrs=ehrs), {}) if one.code == "same_name"]
    assert [one.mark for one in found] == ["warning"]


def test_swap_and_encryption_are_read_from_the_machine(tmp_path: Path) -> None:
    """As Linux shows them; what cannot be seen is said to be unseen."""
    swaps = tmp_path / "swaps"
    swaps.write_text("Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n/dev/zram0 partition 1 0 100\n")
    assert machine.swap(swaps).code == "swap"
    assert "/dev/sda2" in machine.swap(swaps).found
    assert "zram" not in machine.swap(swaps).found
    swaps.write_text("Filename Type Size Used Priority\n")
    assert machine.swap(swaps).mark == "ok"
    assert machine.swap(tmp_path / "none").code == "swap_unknown"
    device = tmp_path.stat().st_dev
    disk = tmp_path / "block" / f"{os.major(device)}:{os.minor(device)}"
    assert machine.encryption(tmp_path, tmp_path / "block").code == "disk_unknown"
    disk.mkdir(parents=True)
    assert machine.encryption(tmp_path, tmp_path / "block").code == "disk_plain"
    (disk / "slaves" / "dm-0" / "dm").mkdir(parents=True)
    (disk / "slaves" / "dm-0" / "dm" / "uuid").write_text("CRYPT-LUKS2-1")
    assert machine.encryption(tmp_path, tmp_path / "block").code == "disk_encrypted"


def test_keys_on_the_data_s_volume_are_warned_of(tmp_path: Path) -> None:
    """A backup of that volume would keep keys alive."""
    key_file = tmp_path / "keys" / "slots.bin"
    assert list(machine.key_volume(key_file, tmp_path)) == []
    key_file.parent.mkdir()
    key_file.touch()
    assert [one.mark for one in machine.key_volume(key_file, tmp_path)] == ["warning"]


@pytest.mark.req("T13", "C08")
@pytest.mark.parametrize(
    ("mounted", "codes"),
    [
        ("ext4 /dev/sda1 rw,errors=remount-ro", set()),
        ("xfs /dev/sda1 rw", set()),
        ("ext4 /dev/sda1 rw,data=journal", {"key_journal"}),
        ("btrfs /dev/sda1 rw", {"key_copies"}),
        ("zfs pool rw", {"key_copies"}),
        ("tmpfs tmpfs rw", {"key_memory"}),
    ],
)
def test_a_file_system_that_keeps_what_is_overwritten_is_warned_of(
    tmp_path: Path, mounted: str, codes: set[str]
) -> None:
    """Copy-on-write, a journal of data, memory; the innermost mount counts, and backup programs need their mark."""
    key_file, mounts = tmp_path / "keys" / "slots.bin", tmp_path / "mountinfo"
    KeySlots(key_file, b"m" * 32).make("x")
    mounts.write_text(
        f"22 1 8:1 / / rw - btrfs /dev/root rw\n23 22 8:2 / {key_file.parent.resolve()} rw shared:1 - {mounted}\n"
    )
    assert {one.code for one in machine.key_file_system(key_file, mounts)} == codes
    (key_file.parent / "CACHEDIR.TAG").unlink()
    assert {one.code for one in machine.key_file_system(key_file, mounts)} == {*codes, "key_backup"}


@pytest.mark.req("T13", "C08")
def test_core_dumps_of_running_processes_are_warned_of(tmp_path: Path) -> None:
    """Whoever holds the lock of a service is looked at, as the kernel tells its limits."""
    with held(tmp_path, "worker"):
        assert [one.code for one in machine.core_dumps(tmp_path, ["web", "worker"])] == ["core_dumps"]
        (tmp_path / "locks").write_text(Path("/proc/locks").read_text())
        for limit, mark in (("unlimited", "warning"), ("0", "ok")):
            (tmp_path / str(os.getpid())).mkdir(exist_ok=True)
            line = f"Max core file size        {limit}                    unlimited            bytes"
            (tmp_path / str(os.getpid()) / "limits").write_text(line + "\n")
            assert [one.mark for one in machine.core_dumps(tmp_path, ["worker"], tmp_path)] == [mark]
    assert list(machine.core_dumps(tmp_path, ["worker"])) == []


@pytest.mark.req("T13")
def test_a_process_of_chartside_leaves_no_core_file(tmp_path: Path) -> None:
    """Whatever the machine is set to: the limit is nought, and it is not dumpable."""
    look = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    code = f"from smart_app.undumped import forbid_dumps; import ctypes; forbid_dumps(); {look}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.split() == ["(0,", "0)", "0"]
