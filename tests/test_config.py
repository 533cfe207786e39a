"""Bad settings stop the process with the variable's name and what to do; secrets never print."""

import base64
import json
from pathlib import Path

import pytest

from smart_app import config
from smart_app.config import Settings
from smart_app.errors import ConfigError
from smart_app.secret import Secret
from tests.conftest import environment

EHR = {"iss": "https://ehr.example/fhir", "client_id": "chartside", "client_secret": "s3cret"}


def refusal(env: dict[str, str]) -> str:
    """Return what the process says when it does not start."""
    with pytest.raises(ConfigError) as caught:
        config.load(env)
    assert caught.value.todo, "it says what to do"
    return caught.value.public


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHARTSIDE_BASE_URL", ""),
        ("CHARTSIDE_BASE_URL", "http://chartside.clinic.example"),
        ("CHARTSIDE_BASE_URL", "ftp://127.0.0.1"),
        ("CHARTSIDE_DATA_DIR", ""),
        ("CHARTSIDE_MASTER_KEY", ""),
        ("CHARTSIDE_MASTER_KEY", "not base64!"),
        ("CHARTSIDE_MASTER_KEY", base64.b64encode(b"short").decode()),
        ("CHARTSIDE_SIGNING_KEY", base64.b64encode(b"x" * 33).decode()),
        ("CHARTSIDE_TURN_URLS", "https://turn.example"),
        ("CHARTSIDE_TURN_MINUTES", "1"),
        ("CHARTSIDE_ICE_RELAY_ONLY", "1"),
        ("CHARTSIDE_EHRS", ""),
        ("CHARTSIDE_EHRS", "[]"),
        ("CHARTSIDE_EHRS", "{}"),
        ("CHARTSIDE_EHRS", "not json"),
        ("CHARTSIDE_EHRS", json.dumps([{"iss": "https://ehr.example/fhir"}])),
        ("CHARTSIDE_EHRS", json.dumps(["https://ehr.example/fhir"])),
        ("CHARTSIDE_EHRS", json.dumps([{**EHR, "iss": "http://ehr.example/fhir"}])),
        ("CHARTSIDE_EHRS", json.dumps([{**EHR, "client_secret_file": "/nowhere/secret"}])),
        ("CHARTSIDE_DRAFTER", "magic"),
        ("CHARTSIDE_ERASE_AFTER", "never"),
        ("CHARTSIDE_AUDIO_MAX_HOURS", "24"),
        ("CHARTSIDE_AUDIO_MAX_HOURS", "0"),
        ("CHARTSIDE_AUDIO_MAX_HOURS", "nan"),
        ("CHARTSIDE_AUDIO_MAX_HOURS", "a day"),
        ("CHARTSIDE_TRANSCRIPT_DAYS", "8"),
        ("CHARTSIDE_SUMMARY_DAYS", "29"),
        ("CHARTSIDE_SUMMARY_DAYS", "nan"),
        ("CHARTSIDE_ROOM_EMPTY_MINUTES", "0"),
        ("CHARTSIDE_JOIN_LINK_MINUTES", "-1"),
        ("CHARTSIDE_WEB_PROCESSES", "0"),
        ("CHARTSIDE_PROXIES", "-1"),
        ("CHARTSIDE_CA_FILE", "/nowhere/authorities.pem"),
        ("CHARTSIDE_CA_FILE", "/etc/hostname"),
        ("CHARTSIDE_LIMITS_URL", "memcached://x"),
        ("CHARTSIDE_SPEECH_THREADS", "0"),
        ("CHARTSIDE_DISK_RESERVE_BYTES", "-5"),
        ("CHARTSIDE_CHUNK_MAX_BYTES", "inf"),
        ("CHARTSIDE_TRACK_MAX_SECONDS", "1"),
        ("CHARTSIDE_ICE_SERVERS", "turn:turn.example"),
        ("CHARTSIDE_ICE_SERVERS", "5"),
        ("CHARTSIDE_ICE_SERVERS", '{"urls": "turn:turn.example"}'),
        ("CHARTSIDE_ICE_SERVERS", '["turn:turn.example"]'),
    ],
)
def test_a_bad_setting_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    """Configuration fails closed, and the message names the variable."""
    assert name in refusal(environment(tmp_path, **{name: value}))


@pytest.mark.req("S35")
def test_audio_can_be_kept_shorter_and_never_longer(tmp_path: Path) -> None:
    """23 hours at most, so that 24 is never passed (decision 5)."""
    assert config.load(environment(tmp_path)).audio_max_hours == 23
    assert config.load(environment(tmp_path, CHARTSIDE_AUDIO_MAX_HOURS="2")).audio_max_hours == 2
    assert "CHARTSIDE_AUDIO_MAX_HOURS" in refusal(environment(tmp_path, CHARTSIDE_AUDIO_MAX_HOURS="23.1"))


def test_the_address_of_a_clinic_is_https(tmp_path: Path) -> None:
    """Plain http is for loopback, and only when the demo says so."""
    clinic = {"CHARTSIDE_BASE_URL": "https://chartside.clinic.example/", "CHARTSIDE_EHRS": json.dumps([EHR])}
    settings = config.load(environment(tmp_path, **clinic, CHARTSIDE_LOOPBACK_DEV=""))
    assert settings.base_url == "https://chartside.clinic.example"
    assert "CHARTSIDE_BASE_URL" in refusal(environment(tmp_path, CHARTSIDE_LOOPBACK_DEV=""))
    assert "CHARTSIDE_BASE_URL" in refusal(environment(tmp_path, CHARTSIDE_LOOPBACK_DEV="yes"))


def test_the_sample_client_is_for_the_demo_only(tmp_path: Path) -> None:
    """Outside the demo the setting has no effect."""
    clinic = {"CHARTSIDE_BASE_URL": "https://chartside.clinic.example", "CHARTSIDE_EHRS": json.dumps([EHR])}
    env = environment(tmp_path, **clinic, CHARTSIDE_LOOPBACK_DEV="", CHARTSIDE_SAMPLE_CLIENT_URL="http://127.0.0.1:1")
    assert config.load(env).sample_client_url == ""


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """NAME_FILE is read and stripped; it wins over NAME."""
    file = tmp_path / "key"
    file.write_text(base64.b64encode(b"f" * 32).decode() + "\n")
    settings = config.load(environment(tmp_path, CHARTSIDE_MASTER_KEY_FILE=str(file)))
    assert settings.master_key.reveal() == b"f" * 32


def test_a_secret_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Not silently taken for an empty secret."""
    env = environment(tmp_path, CHARTSIDE_MASTER_KEY_FILE=str(tmp_path / "nowhere"))
    assert "CHARTSIDE_MASTER_KEY_FILE" in refusal(env)


@pytest.mark.req("T05")
def test_secrets_print_dots(settings: Settings) -> None:
    """Neither the settings nor an EHR's entry show a secret."""
    assert repr(Secret(b"hush")) == "Secret(•••)"
    assert str(Secret(b"hush")) == "Secret(•••)"
    assert "not-a-secret" not in repr(settings)
    assert repr(b"m" * 32) not in repr(settings)


def test_an_ehr_is_known_by_its_exact_base(settings: Settings) -> None:
    """No prefix, no other case, no trailing slash (T01)."""
    assert settings.ehr("http://localhost:8090/fhir") is not None
    for other in ("http://localhost:8090/fhir/", "http://localhost:8090", "HTTP://localhost:8090/fhir"):
        assert settings.ehr(other) is None


@pytest.mark.req("T14", "B12")
@pytest.mark.parametrize("name", ["CHARTSIDE_DRAFTER_URL", "CHARTSIDE_DRAFTER_MODEL"])
def test_an_outside_drafter_is_named_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    """No address is ever guessed: a vendor's default would receive what was said."""
    whole = {
        "CHARTSIDE_DRAFTER": "openai",
        "CHARTSIDE_DRAFTER_URL": "http://127.0.0.1:8000/v1",
        "CHARTSIDE_DRAFTER_MODEL": "m",
    }
    assert config.load(environment(tmp_path, **whole)).drafter == "openai"
    assert name in refusal(environment(tmp_path, **{**whole, name: ""}))


def test_no_secret_has_a_default() -> None:
    """An empty environment starts nothing."""
    refusal({})


def test_turn_needs_its_secret_and_the_secret_never_prints(tmp_path: Path) -> None:
    """Addresses without the shared secret stop the start; with it they are taken, one by one."""
    env = environment(tmp_path) | {"CHARTSIDE_TURN_URLS": "turn:a.example:3478, turns:a.example:5349"}
    assert refusal(env).startswith("CHARTSIDE_TURN_SECRET")
    (tmp_path / "turn.secret").write_text("shared\n")
    settings = config.load(env | {"CHARTSIDE_TURN_SECRET_FILE": str(tmp_path / "turn.secret")})
    assert settings.turn_urls == ("turn:a.example:3478", "turns:a.example:5349")
    assert settings.turn_secret.reveal() == b"shared"
    assert "shared" not in repr(settings)


@pytest.mark.parametrize(
    "address",
    ["https://chartside.clinic.example/app", "https://clinic.example?x=1", "https://clinic.example#x", "https://a@b.c"],
)
def test_the_address_of_a_site_has_no_path(tmp_path: Path, address: str) -> None:
    """Chartside's pages begin at the root of their address; below a path none of their links would work."""
    said = refusal(environment(tmp_path, CHARTSIDE_BASE_URL=address))
    assert "CHARTSIDE_BASE_URL" in said
    assert "without a path" in said


def test_a_secret_that_cannot_be_read_is_named_with_its_entry(tmp_path: Path) -> None:
    """Of several EHRs the admin must know which one, and which file."""
    entry = {"iss": "https://ehr.example/fhir", "client_id": "c", "client_secret_file": "/nowhere/secret"}
    said = refusal(environment(tmp_path, CHARTSIDE_EHRS=json.dumps([entry])))
    assert "https://ehr.example/fhir" in said
    assert "/nowhere/secret" in said


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CHARTSIDE_AUDIO_MAX_HOUR", "CHARTSIDE_AUDIO_MAX_HOURS"),
        ("CHARTSIDE_MASTERKEY_FILE", "CHARTSIDE_MASTER_KEY_FILE"),
        ("CHARTSIDE_ZZZ", ""),
    ],
)
def test_a_misspelt_setting_is_known_with_the_nearest_name(tmp_path: Path, name: str, nearest: str) -> None:
    """A setting that nothing reads would be missed in silence; those that are read are never among them."""
    assert config.load(environment(tmp_path, **{name: "1"})).unknown == ((name, nearest),)
    assert config.load(environment(tmp_path, CHARTSIDE_CHROMIUM="/usr/bin/chromium")).unknown == ()
