"""Settings from the environment, refused loudly when wrong. Secrets come as `NAME` or, better, `NAME_FILE`."""

import difflib
import importlib.util
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from smart_app import processors
from smart_app.errors import ConfigError
from smart_app.secret import Secret, keys_of

MAX_AUDIO_HOURS = 23.0
"""Audio is destroyed at 23 hours at the latest, so that 24 is never passed (decision 5)."""
MAX_TRANSCRIPT_DAYS = 7.0
MIN_SUMMARY_DAYS, MAX_SUMMARY_DAYS = 30.0, 36_500.0
MIN_AUDIT_YEARS, MAX_AUDIT_YEARS = 6.0, 100.0
"""HIPAA asks for six years (45 CFR 164.316(b)(2))."""
ClientAuthentication = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
SigningAlgorithm = Literal["RS384", "ES384"]

_PREFIX = "CHARTSIDE_"
_OTHERS = ("CHROMIUM",)
"""Names that other parts of Chartside read (`CHARTSIDE_CHROMIUM`: the demo's sample client)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ehr:
    """One allow-listed EHR and our registration there."""

    iss: str
    name: str
    client_id: str
    client_secret: Secret
    expected_issuer: str
    """The `iss` of its id_tokens, pinned (it may differ from the FHIR base, smart.md section 3)."""
    admin_users: tuple[str, ...] = ()
    frame_origins: tuple[str, ...] = ()
    """Origins that may frame the launch page; the issuer's own is always one."""
    auth: ClientAuthentication = "client_secret_basic"
    """How Chartside proves itself at the token endpoint; "none": a public client, which has no secret."""
    signing_algorithm: SigningAlgorithm = "RS384"
    """Of the client assertions (private_key_jwt)."""
    has_soap_note: bool = False
    """On a stock OpenEMR, add a SOAP note beside each signed note's document."""
    is_backend_service: bool = False
    """File with system scopes what is owed when the clinician's login at the EHR is over."""
    is_introspected: bool = False
    """Let clients read Chartside's own FHIR face with this EHR's tokens; the EHR is asked about each (RFC 7662)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the app is told from outside."""

    base_url: str
    data_dir: Path
    database_url: str
    master_key: Secret
    """32 bytes; seals tokens, names and data keys."""
    signing_key: Secret
    """32 bytes; the Ed25519 seed of the receipts."""
    ehrs: tuple[Ehr, ...]
    older_master_keys: tuple[Secret, ...] = ()
    """Those that still open what was sealed before a rotation."""
    master_key_file: Path | None = None
    """Where the master keys are read again after a rotation; None: they stand in the environment."""
    canonical_url: str = "https://chartside.example.org"
    is_loopback_dev: bool = False
    """Allow http on loopback (the demo). Cookies then carry no Secure flag."""
    web_processes: int = 4
    """Processes that answer requests; four serve fifty sessions that record at once on two cores."""
    limits_url: str = ""
    """Where the rate limits are counted (redis:// or rediss://); empty: in a file of this machine's processes."""
    proxies: int = 0
    """How many reverse proxies stand in front: so many entries of X-Forwarded-For name the real address."""
    ca_file: Path | None = None
    """PEM file of the authorities that the EHRs' certificates come from; None: the public ones."""
    speech_model: str = ""
    """Folder of a faster-whisper model; empty: the bundled tiny.en."""
    speech_threads: int = 2
    speech_device: Literal["cpu", "cuda"] = "cpu"
    speech: Literal["builtin", "openai"] = "builtin"
    speech_url: str = ""
    speech_remote_model: str = ""
    speech_key: Secret = field(default_factory=lambda: Secret(b""))
    sends_speech_hints: bool = False
    """Send names of the chart to the speech service, where there is one."""
    drafter: Literal["builtin", "openai"] = "builtin"
    drafter_url: str = ""
    drafter_model: str = ""
    drafter_key: Secret = field(default_factory=lambda: Secret(b""))
    drafter_window_tokens: int = 12_000
    drafter_examples: Path | None = None
    """A folder of example notes (*.txt) whose style an endpoint is asked to follow."""
    erase_after: Literal["signed", "drafting"] = "signed"
    audio_max_hours: float = MAX_AUDIO_HOURS
    transcript_days: float = MAX_TRANSCRIPT_DAYS
    summary_days: float | None = None
    """How long a summary is kept (decision 12); None: as long as the clinic keeps it."""
    audit_years: float = MIN_AUDIT_YEARS
    """How old a line of the audit trail must be before it may be archived."""
    room_empty_minutes: float = 30.0
    join_link_minutes: float = 24 * 60.0
    disk_reserve_bytes: int = 500_000_000
    chunk_max_bytes: int = 1_000_000
    track_max_seconds: float = 3 * 3600.0
    ice_servers: tuple[dict[str, Any], ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: Secret = field(default_factory=lambda: Secret(b""))
    """Shared with coturn (`static-auth-secret`); browsers get credentials made from it, never the secret."""
    turn_minutes: float = 60.0
    is_ice_relay_only: bool = False
    """Calls go through TURN alone: no participant's address is shown to another, and a test can prove the relay."""
    loinc_note_type: str = "34904-3"
    emergency_number: str = "911"
    """Shown in the crisis panel; where the client is, it may be another."""
    is_review_task_filed: bool = False
    """Ask the EHR for a review task with every draft that is saved to the chart."""
    sample_client_url: str = ""
    """Where the demo's sample client listens; empty everywhere else."""
    unknown: tuple[tuple[str, str], ...] = ()
    """CHARTSIDE_ names of the environment that nothing reads, each with the nearest that is read ("": none)."""

    @property
    def audio_dir(self) -> Path:
        """Return the folder of the encrypted chunks."""
        return self.data_dir / "audio"

    @property
    def key_file(self) -> Path:
        """Return the slot file of the data keys (its own volume in a clinic)."""
        return self.data_dir / "keys" / "slots.bin"

    @property
    def audit_head_file(self) -> Path:
        """Return the file that keeps the audit trail's end, apart from the database."""
        return self.key_file.with_name("audit-head.json")

    @property
    def queue_file(self) -> Path:
        """Return the SQLite file of the wake-up queue."""
        return self.data_dir / "queue.sqlite"

    def ehr(self, iss: str) -> Ehr | None:
        """Return the allow-listed EHR whose base is exactly `iss`."""
        return next((ehr for ehr in self.ehrs if ehr.iss == iss), None)


class _Reading(Mapping[str, str]):
    """The environment, which remembers what was asked for: a name that nobody asks for is a misspelt one."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._asked = {_PREFIX + name for name in _OTHERS}

    def __getitem__(self, name: str) -> str:
        self._asked.add(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)

    def unknown(self) -> tuple[tuple[str, str], ...]:
        """Return the names of ours that were not asked for, each with the nearest that was."""
        names = sorted(name for name in self._env if name.startswith(_PREFIX) and name not in self._asked)
        known = sorted(name.removeprefix(_PREFIX) for name in self._asked)  # the prefix would make all alike
        near = {name: difflib.get_close_matches(name.removeprefix(_PREFIX), known, n=1, cutoff=0.75) for name in names}
        return tuple((name, _PREFIX + found[0] if found else "") for name, found in near.items())


def _refuse(name: str, why: str, todo: str) -> ConfigError:
    return ConfigError("config", f"{name} {why}", todo)


def _secret(env: Mapping[str, str], name: str) -> bytes:
    """Return the text of NAME or of the file NAME_FILE, stripped; empty when neither is set."""
    value = env.get(name, "")
    if path := env.get(f"{name}_FILE"):
        try:
            return Path(path).read_bytes().strip()
        except OSError as error:
            raise _refuse(f"{name}_FILE", "cannot be read.", "Check that the file exists and is readable.") from error
    return value.strip().encode()


def _keys(env: Mapping[str, str], name: str, *, most: int = 8) -> tuple[Secret, ...]:
    """Return the key, and older ones where a rotation is under way."""
    try:
        keys = keys_of(_secret(env, name))
        if len(keys) > most:
            raise ValueError
    except ValueError:
        todo = f"Run: openssl rand -base64 32 > FILE, set {name}_FILE"
        raise _refuse(name, "must be 32 random bytes in base64.", todo) from None
    return keys


def _number(env: Mapping[str, str], name: str, default: float, *, low: float, high: float) -> float:
    try:
        value = float(env.get(name, default))
    except ValueError:
        value = high + 1
    if not low <= value <= high:
        raise _refuse(name, f"must be a number from {low:g} to {high:g}.", "Correct it and start again.")
    return value


def _ca_file(env: Mapping[str, str]) -> Path | None:
    """Return the file of authorities. Raises ConfigError where it is none, rather than when the first launch fails."""
    path = env.get("CHARTSIDE_CA_FILE", "")
    if not path:
        return None
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise _refuse("CHARTSIDE_CA_FILE", "is no readable PEM file of certificates.", "Correct the path.") from error
    return Path(path)


def _short(env: Mapping[str, str], name: str, default: str) -> str:
    value = " ".join(env.get(name, default).split())
    if not value or len(value) > 40 or not value.isprintable():
        raise _refuse(name, "must be a short text.", "Example: 911")
    return value


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    path = Path(env.get(name, ""))
    if not env.get(name):
        return None
    if not path.is_dir():
        raise _refuse(name, "must be a folder that exists.", "Correct it and start again.")
    return path


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, allowed[0])
    if value not in allowed:
        raise _refuse(name, f"must be one of {', '.join(allowed)}.", "Correct it and start again.")
    return value


def origin_is_safe(url: str, *, is_loopback_dev: bool) -> bool:
    """Say whether an address is one of https, or on this machine where that is allowed for development."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    return is_loopback_dev and parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}


def _ehr_choice(entry: dict[str, Any], name: str, allowed: tuple[Any, ...], default: Any) -> Any:
    value = entry.get(name, default)
    if value not in allowed:
        raise _refuse(
            "CHARTSIDE_EHRS_FILE", f"has an entry whose {name} is none of {', '.join(allowed)}.", "Correct that entry."
        )
    return value


def _check_registration(ehr: Ehr) -> None:
    """Refuse an entry whose secret does not fit how Chartside proves itself there."""
    needs_secret, has_secret = ehr.auth.startswith("client_secret"), bool(ehr.client_secret.reveal())
    if needs_secret != has_secret:
        raise _refuse(
            "CHARTSIDE_EHRS_FILE",
            f"has an entry for {ehr.iss} with auth {ehr.auth} {'but no' if needs_secret else 'and a'} client_secret.",
            "Give a secret with client_secret_basic and client_secret_post, and none with private_key_jwt and none.",
        )
    if ehr.is_backend_service and ehr.auth != "private_key_jwt":
        raise _refuse(
            "CHARTSIDE_EHRS_FILE",
            f"has an entry for {ehr.iss} with backend_services that does not use private_key_jwt.",
            "SMART backend services need keys: set auth to private_key_jwt, and register Chartside's key address.",
        )


def _client_secret(entry: Mapping[str, Any]) -> Secret:
    """Return the secret of an entry. Raises ConfigError that names the entry and the file that cannot be read."""
    path = entry.get("client_secret_file")
    if not path:
        return Secret(str(entry.get("client_secret", "")).encode())
    try:
        return Secret(Path(path).read_bytes().strip())
    except (OSError, TypeError, ValueError) as error:
        raise _refuse(
            "CHARTSIDE_EHRS_FILE",
            f"has an entry for {entry.get('iss')} whose client_secret_file {path} cannot be read.",
            "Put the secret there, readable by the user that runs Chartside, or correct the path in the entry.",
        ) from error


def _ehr(entry: dict[str, Any], *, is_loopback_dev: bool) -> Ehr:
    try:
        secret = _client_secret(entry)
        ehr = Ehr(
            iss=entry["iss"].rstrip("/"),
            name=entry.get("name", entry["iss"]),
            client_id=entry["client_id"],
            client_secret=secret,
            expected_issuer=entry.get("expected_issuer", entry["iss"]),
            admin_users=tuple(entry.get("admin_users", ())),
            frame_origins=tuple(entry.get("frame_origins", ())),
            auth=_ehr_choice(
                entry, "auth", get_args(ClientAuthentication), "client_secret_basic" if secret.reveal() else "none"
            ),
            signing_algorithm=_ehr_choice(entry, "signing_algorithm", get_args(SigningAlgorithm), "RS384"),
            has_soap_note=entry.get("soap_note", False) is True,
            is_backend_service=entry.get("backend_services", False) is True,
            is_introspected=entry.get("introspection", False) is True,
        )
    except (KeyError, AttributeError) as error:
        raise _refuse(
            "CHARTSIDE_EHRS_FILE", "has an entry without iss or client_id.", "See docs/admin.md, Registering."
        ) from error
    if not origin_is_safe(ehr.iss, is_loopback_dev=is_loopback_dev):
        raise _refuse("CHARTSIDE_EHRS_FILE", f"names {ehr.iss}, not https.", "Use the EHR's https address.")
    _check_registration(ehr)
    return ehr


def _ehrs(env: Mapping[str, str], *, is_loopback_dev: bool) -> tuple[Ehr, ...]:
    text = _secret(env, "CHARTSIDE_EHRS")
    try:
        entries = json.loads(text or b"[]")
        if not isinstance(entries, list):
            raise ValueError
    except ValueError as error:
        raise _refuse("CHARTSIDE_EHRS", "is not a JSON list.", "See docs/admin.md, Registering.") from error
    if not entries:
        raise _refuse("CHARTSIDE_EHRS_FILE", "names no EHR, so nobody could launch.", "See docs/admin.md, Registering.")
    return tuple(_ehr(entry, is_loopback_dev=is_loopback_dev) for entry in entries)


def _ice_servers(env: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    try:
        servers = json.loads(env.get("CHARTSIDE_ICE_SERVERS", "[]"))
    except ValueError:
        servers = None
    if not isinstance(servers, list) or not all(isinstance(each, dict) and "urls" in each for each in servers):
        raise _refuse(
            "CHARTSIDE_ICE_SERVERS",
            "is not a JSON list of servers with urls.",
            'Example: [{"urls": "turn:turn.example:3478"}]',
        )
    return tuple(servers)


def _turn_urls(env: Mapping[str, str], *, has_secret: bool) -> tuple[str, ...]:
    urls = tuple(each.strip() for each in env.get("CHARTSIDE_TURN_URLS", "").split(",") if each.strip())
    if not all(each.startswith(("turn:", "turns:")) for each in urls):
        raise _refuse(
            "CHARTSIDE_TURN_URLS",
            "must be turn: or turns: addresses, separated by commas.",
            "Example: turn:turn.clinic.example:3478?transport=udp,turns:turn.clinic.example:5349",
        )
    if urls and not has_secret:
        raise _refuse(
            "CHARTSIDE_TURN_SECRET",
            "is not set, and CHARTSIDE_TURN_URLS needs it.",
            "Set it to coturn's static-auth-secret.",
        )
    if not urls and env.get("CHARTSIDE_ICE_RELAY_ONLY") == "1":
        raise _refuse(
            "CHARTSIDE_ICE_RELAY_ONLY", "needs a TURN server: no call could be made.", "Set CHARTSIDE_TURN_URLS."
        )
    return urls


def _engine(env: Mapping[str, str], name: str, needed: tuple[str, ...]) -> Literal["builtin", "openai"]:
    if _choice(env, name, ("builtin", "openai")) == "builtin":
        return "builtin"
    processors.require(env, name, needed)
    return "openai"


def _speech_url(env: Mapping[str, str]) -> str:
    url = env.get("CHARTSIDE_SPEECH_URL", "")
    if url and not origin_is_safe(url, is_loopback_dev=True):
        raise _refuse("CHARTSIDE_SPEECH_URL", "must be an https address (or http on this machine).", "Correct it.")
    return url


def _limits_url(env: Mapping[str, str]) -> str:
    """Return where the rate limits are counted. Every process refuses a wrong one, not the web's alone."""
    url = env.get("CHARTSIDE_LIMITS_URL", "")
    if url and (urlsplit(url).scheme not in {"redis", "rediss"} or importlib.util.find_spec("redis") is None):
        raise _refuse(
            "CHARTSIDE_LIMITS_URL",
            "must be a redis:// or rediss:// address, and needs the package redis.",
            "Correct it and install chartside[redis], or leave it out.",
        )
    return url


def _base_url(env: Mapping[str, str], *, is_loopback_dev: bool) -> str:
    name = "CHARTSIDE_BASE_URL"
    base_url = env.get(name, "").rstrip("/")
    if not origin_is_safe(base_url, is_loopback_dev=is_loopback_dev):
        raise _refuse(name, "must be the https address of this server.", "Example: https://chartside.clinic.example")
    parts = urlsplit(base_url)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise _refuse(
            name,
            "must be a name alone, without a path: Chartside's pages begin at the root of their address.",
            f"Give Chartside a name of its own, like {parts.scheme}://chartside.clinic.example",
        )
    return base_url


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises ConfigError with the variable's name and what to do.
    """
    env = reading = _Reading(os.environ if env is None else env)
    is_loopback_dev = env.get("CHARTSIDE_LOOPBACK_DEV", "") == "1"
    base_url = _base_url(env, is_loopback_dev=is_loopback_dev)
    if not env.get("CHARTSIDE_DATA_DIR"):
        raise _refuse("CHARTSIDE_DATA_DIR", "is not set.", "Name a folder on an encrypted disk.")
    data_dir = Path(env["CHARTSIDE_DATA_DIR"])
    turn_secret = _secret(env, "CHARTSIDE_TURN_SECRET")
    master_key, *older_master_keys = _keys(env, "CHARTSIDE_MASTER_KEY")
    master_key_file = env.get("CHARTSIDE_MASTER_KEY_FILE", "")
    sample_client_url = env.get("CHARTSIDE_SAMPLE_CLIENT_URL", "")
    settings = Settings(
        base_url=base_url,
        data_dir=data_dir,
        database_url=env.get("CHARTSIDE_DATABASE_URL", f"sqlite:///{data_dir / 'chartside.sqlite'}"),
        master_key=master_key,
        older_master_keys=tuple(older_master_keys),
        master_key_file=Path(master_key_file) if master_key_file else None,
        signing_key=_keys(env, "CHARTSIDE_SIGNING_KEY", most=1)[0],
        ehrs=_ehrs(env, is_loopback_dev=is_loopback_dev),
        canonical_url=env.get("CHARTSIDE_CANONICAL_URL", "https://chartside.example.org"),
        is_loopback_dev=is_loopback_dev,
        limits_url=_limits_url(env),
        proxies=int(_number(env, "CHARTSIDE_PROXIES", 0, low=0, high=5)),
        ca_file=_ca_file(env),
        web_processes=int(_number(env, "CHARTSIDE_WEB_PROCESSES", 4, low=1, high=64)),
        speech_model=env.get("CHARTSIDE_SPEECH_MODEL", ""),
        speech_threads=int(_number(env, "CHARTSIDE_SPEECH_THREADS", 2, low=1, high=64)),
        speech_device="cuda" if _choice(env, "CHARTSIDE_SPEECH_DEVICE", ("cpu", "cuda")) == "cuda" else "cpu",
        speech=_engine(env, "CHARTSIDE_SPEECH", ("CHARTSIDE_SPEECH_URL", "CHARTSIDE_SPEECH_REMOTE_MODEL")),
        speech_url=_speech_url(env),
        speech_remote_model=env.get("CHARTSIDE_SPEECH_REMOTE_MODEL", ""),
        speech_key=Secret(_secret(env, "CHARTSIDE_SPEECH_KEY")),
        sends_speech_hints=_choice(env, "CHARTSIDE_SPEECH_HINTS", ("local", "anywhere")) == "anywhere",
        drafter=_engine(env, "CHARTSIDE_DRAFTER", ("CHARTSIDE_DRAFTER_URL", "CHARTSIDE_DRAFTER_MODEL")),
        drafter_url=env.get("CHARTSIDE_DRAFTER_URL", ""),
        drafter_model=env.get("CHARTSIDE_DRAFTER_MODEL", ""),
        drafter_key=Secret(_secret(env, "CHARTSIDE_DRAFTER_KEY")),
        drafter_window_tokens=int(_number(env, "CHARTSIDE_DRAFTER_WINDOW_TOKENS", 12_000, low=500, high=1_000_000)),
        drafter_examples=_folder(env, "CHARTSIDE_DRAFTER_EXAMPLES"),
        erase_after="drafting"
        if _choice(env, "CHARTSIDE_ERASE_AFTER", ("signed", "drafting")) == "drafting"
        else "signed",
        audio_max_hours=_number(env, "CHARTSIDE_AUDIO_MAX_HOURS", MAX_AUDIO_HOURS, low=0.1, high=MAX_AUDIO_HOURS),
        transcript_days=_number(
            env, "CHARTSIDE_TRANSCRIPT_DAYS", MAX_TRANSCRIPT_DAYS, low=0.01, high=MAX_TRANSCRIPT_DAYS
        ),
        summary_days=_number(env, "CHARTSIDE_SUMMARY_DAYS", 0, low=MIN_SUMMARY_DAYS, high=MAX_SUMMARY_DAYS)
        if env.get("CHARTSIDE_SUMMARY_DAYS")
        else None,
        audit_years=_number(env, "CHARTSIDE_AUDIT_YEARS", MIN_AUDIT_YEARS, low=MIN_AUDIT_YEARS, high=MAX_AUDIT_YEARS),
        room_empty_minutes=_number(env, "CHARTSIDE_ROOM_EMPTY_MINUTES", 30, low=1, high=24 * 60),
        join_link_minutes=_number(env, "CHARTSIDE_JOIN_LINK_MINUTES", 24 * 60, low=5, high=7 * 24 * 60),
        disk_reserve_bytes=int(_number(env, "CHARTSIDE_DISK_RESERVE_BYTES", 500_000_000, low=0, high=1e15)),
        chunk_max_bytes=int(_number(env, "CHARTSIDE_CHUNK_MAX_BYTES", 1_000_000, low=10_000, high=10_000_000)),
        track_max_seconds=_number(env, "CHARTSIDE_TRACK_MAX_SECONDS", 3 * 3600, low=60, high=6 * 3600),
        ice_servers=_ice_servers(env),
        turn_urls=_turn_urls(env, has_secret=bool(turn_secret)),
        turn_secret=Secret(turn_secret),
        turn_minutes=_number(env, "CHARTSIDE_TURN_MINUTES", 60, low=5, high=24 * 60),
        is_ice_relay_only=env.get("CHARTSIDE_ICE_RELAY_ONLY", "") == "1",
        loinc_note_type=env.get("CHARTSIDE_LOINC_NOTE_TYPE", "34904-3"),
        emergency_number=_short(env, "CHARTSIDE_EMERGENCY_NUMBER", "911"),
        is_review_task_filed=_choice(env, "CHARTSIDE_REVIEW_TASK", ("off", "on")) == "on",
        sample_client_url=sample_client_url if is_loopback_dev else "",
    )
    return replace(settings, unknown=reading.unknown())
