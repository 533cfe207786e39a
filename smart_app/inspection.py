"""What the app knows of its own installation, for `chartside doctor`: facts as JSON, no secrets, no names of people."""

import secrets
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from smart_app import alive
from smart_app.chart.http import GuardedHttp
from smart_app.config import Ehr, Settings
from smart_app.errors import ChartsideError, ConfigError
from smart_app.launch.client_auth import TokenRequests
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery
from smart_app.ports import Clock
from smart_app.store import master_key, state
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from smart_app.transcript.whisper import model_folder


def inspect(settings: Settings, clock: Clock) -> dict[str, Any]:
    """Return the facts; nothing is made that is not there, so that another user's files stay as they are."""
    file = _sqlite_file(settings)
    is_there = file is None or file.is_file()
    return {
        "base_url": settings.base_url,
        "is_loopback_dev": settings.is_loopback_dev,
        "data_dir": str(settings.data_dir),
        "key_file": str(settings.key_file),
        "database": "postgresql" if file is None else "sqlite",
        "database_file": str(file or ""),
        "disk_reserve_bytes": settings.disk_reserve_bytes,
        "has_turn": bool(settings.turn_urls),
        "drafter": settings.drafter,
        "drafter_url": settings.drafter_url,
        "audio_max_hours": settings.audio_max_hours,
        "speech_model": _speech_model(settings),
        "unknown_settings": [list(each) for each in settings.unknown],
        "running": alive.running(settings.data_dir),
        **_with_database(settings, clock, is_there=is_there),
    }


def _sqlite_file(settings: Settings) -> Path | None:
    """Return the database's file; None: it is a server's."""
    kind, _, rest = settings.database_url.partition(":///")
    return Path(rest) if kind.startswith("sqlite") else None


def _speech_model(settings: Settings) -> dict[str, Any]:
    try:
        return {"folder": str(model_folder(settings.speech_model))}
    except ChartsideError as error:
        return _fault(error)


def _fault(error: ChartsideError) -> dict[str, Any]:
    return {"fault": {"code": error.code, "public": error.public, "todo": error.todo}}


def _with_database(settings: Settings, clock: Clock, *, is_there: bool) -> dict[str, Any]:
    """Return what only the database knows, and how each EHR answers (keys are in the database)."""
    if not is_there:
        return {"state": None, "ehrs": [_ehr(ehr) for ehr in settings.ehrs]}
    seal = Seal(settings)
    try:
        db = Database(settings.database_url)
        found = state.read(db, now=clock.now())
    except Exception as error:  # whatever the driver says; its text may hold the password of the URL
        return {"state": {"fault": type(error).__name__}, "ehrs": [_ehr(ehr) for ehr in settings.ehrs]}
    facts = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in asdict(found).items()}
    http = GuardedHttp(is_loopback_dev=settings.is_loopback_dev, ca_file=settings.ca_file)
    keys = ClientKeys(db=db, seal=seal, clock=clock)
    discovery, requests = Discovery(http=http, clock=clock), TokenRequests(http=http, keys=keys)
    is_new = found.revision == found.newest_revision
    key_fault = _key_fault(db, seal) if is_new else {}
    can_ask = is_new and not key_fault
    ehrs = [{**_ehr(ehr), **(_asked(ehr, settings, discovery, requests) if can_ask else {})} for ehr in settings.ehrs]
    db.close()
    return {"state": facts, "master_key": key_fault, "ehrs": ehrs}


def _key_fault(db: Database, seal: Seal) -> dict[str, Any]:
    try:
        with db.read() as open_db:
            master_key.check(open_db, seal)
    except ConfigError as error:
        return _fault(error)
    return {}


def _ehr(ehr: Ehr) -> dict[str, Any]:
    return {
        "iss": ehr.iss,
        "name": ehr.name,
        "client_id": ehr.client_id,
        "auth": ehr.auth,
        "expected_issuer": ehr.expected_issuer,
        "admin_users": list(ehr.admin_users),
    }


def _asked(ehr: Ehr, settings: Settings, discovery: Discovery, requests: TokenRequests) -> dict[str, Any]:
    """Ask the token endpoint with a code that cannot exist: the error says whether it knows the client."""
    try:
        found = discovery.find(ehr)
        answer = requests.send(
            ehr,
            found.token_endpoint,
            "authorization_code",
            code=secrets.token_urlsafe(24),
            redirect_uri=f"{settings.base_url}/launch/callback",
            code_verifier=secrets.token_urlsafe(48),
        )
        told = answer.json()
    except ChartsideError as error:
        return _fault(error)
    except (ValueError, RecursionError):
        return {"token": {"status": answer.status, "error": ""}}
    error_code = told.get("error") if isinstance(told, dict) else ""
    return {"token": {"status": answer.status, "error": str(error_code or "")[:60]}}
