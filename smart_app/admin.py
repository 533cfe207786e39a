"""What the administrator's command asks the app: scopes of a server, keys, the installation's state, its end.

Each answer is one JSON object on standard output; the log goes to standard error.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_mappings.scopes import clinical
from smart_app.config import Settings
from smart_app.launch import scopes

if TYPE_CHECKING:
    from smart_app.store.ehr_tables import ClientKey

_OPERATIONS = {"c": "create", "r": "read", "u": "update", "s": "search"}


def plan(said: Any) -> dict[str, Any]:
    """Return the scopes that a launch would ask a server for, and what of it Chartside may then do.

    `said["smart"]` is its smart-configuration, `said["statement"]` its CapabilityStatement, whatever they hold.
    """
    smart, statement = (said.get(name) for name in ("smart", "statement"))
    smart = smart if isinstance(smart, Mapping) else {}
    statement = statement if isinstance(statement, Mapping) else None
    words: dict[str, Any] = {"supported": smart.get("scopes_supported"), "capabilities": smart.get("capabilities")}
    offer = scopes.Offer(**words, statement=statement)
    with_task = scopes.Offer(**words, statement=statement, more=scopes.REVIEW_TASK)
    takes: dict[str, set[str]] = {}
    for one in clinical(scopes.plan(with_task).split()):
        takes.setdefault(one.resource_type, set()).update(_OPERATIONS[each] for each in one.letters if each != "d")
    return {
        "scope": scopes.plan(offer),
        "standalone_scope": scopes.plan(offer, start="standalone"),
        "service_scope": scopes.plan_service(offer),
        "supported": list(offer.words),
        "capabilities": sorted(offer.known_capabilities),
        "takes": {name: sorted(operations) for name, operations in takes.items()},
    }


def answer(asked: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Answer `keys`, `inspect`, `close`, `fhir-client`, `audit` or `client`.

    Each imports what it needs: the command line starts quickly.

    Raises ChartsideError for what is refused.
    """
    with redirect_stdout(sys.stderr):
        return _ANSWERS[asked.command](settings, asked)


def _inspect(settings: Settings, _: argparse.Namespace) -> dict[str, Any]:
    from smart_app import inspection
    from smart_app.kit import SystemClock

    return inspection.inspect(settings, SystemClock())


def _close(settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    from smart_app import closing

    if asked.plan:
        return closing.plan(settings)
    return closing.close(settings, Path(asked.keep_to) if asked.keep_to else None)


def _keys(settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    """List the keys that prove Chartside at the EHRs (private_key_jwt), after making new ones when asked to rotate.

    `rotate-master` turns over the master key instead.
    """
    from smart_app.kit import SystemClock, open_database

    if asked.what == "rotate-master":
        from smart_app import rotation

        return rotation.rotate(settings, SystemClock().now)
    from smart_app.launch.client_keys import AHEAD, ClientKeys
    from smart_app.store import client_keys

    db, seal = open_database(settings)
    ours = ClientKeys(db=db, seal=seal, clock=SystemClock())
    found: dict[str, Any] = {"jwks_uri": f"{settings.base_url}/.well-known/jwks.json"}
    if asked.what == "rotate":
        kids, signs_from = ours.rotate(is_leaked=asked.leaked)
        found |= {"made": kids, "signs_from": signs_from.isoformat(timespec="seconds")}
    found |= ours.jwks()
    with db.read() as open_db:
        now = SystemClock().now()
        rows = client_keys.published(open_db, since=now - AHEAD)
        found["states"] = {row.kid: _state(row, now) for row in rows}
    db.close()
    return found


def _state(row: "ClientKey", now: datetime) -> dict[str, str]:
    """Return what a key does now (waits, signs, or is kept for answers under way), since when and until when."""
    from smart_app.launch.client_keys import AHEAD

    is_over = row.retired_at is not None and row.retired_at <= now
    state = "kept" if is_over else "waits" if row.signs_from > now else "signs"
    told = {"state": state, "since": row.signs_from.isoformat(timespec="seconds")}
    if row.retired_at is not None:
        told["until"] = (row.retired_at + AHEAD if is_over else row.retired_at).isoformat(timespec="seconds")
    return told


def _fhir_client(settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    """Let a FHIR client in, show all, or end one's access, as the administrators' page does (`face/roster.py`).

    Standard input: `{"name", "scopes", "iss", "jwks", "jwks_uri"}` to add, `{"name"}` (or client id) to revoke.
    """
    from smart_app.face import roster
    from smart_app.face.clients import registration
    from smart_app.kit import SystemClock, open_database
    from smart_app.store import face

    said = json.load(sys.stdin)
    db, _ = open_database(settings)
    now = SystemClock().now()
    if asked.what == "add":
        ehrs = frozenset(each.iss for each in settings.ehrs)
        checked = registration(said, said.pop("scopes"), ehrs=ehrs, is_loopback_dev=settings.is_loopback_dev)
        with db.begin() as open_db:
            client_id = roster.add(open_db, checked, actor="server", at=now).client_id
    elif asked.what == "revoke":
        with db.begin() as open_db:
            client_id = roster.named(open_db, str(said["name"]))
            roster.revoke(open_db, client_id, actor="server", at=now)
    else:
        client_id = ""
    with db.read() as open_db:
        found = [_shown(row) for row in face.clients(open_db)]
    db.close()
    return {"fhir": f"{settings.base_url}/fhir", "client_id": client_id, "clients": found}


def _shown(row: Any) -> dict[str, Any]:
    at = {name: getattr(row, name) for name in ("created_at", "revoked_at")}
    told = {name: each.isoformat(timespec="seconds") if each else None for name, each in at.items()}
    return {"client_id": row.client_id, "name": row.name, "scope": row.scope, "iss": row.iss, **told}


def _audit(settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    from smart_app.audit import command
    from smart_app.kit import SystemClock, open_database

    db, _ = open_database(settings)
    try:
        return command.run(settings, asked, db, SystemClock())
    finally:
        db.close()


def _client(settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    """Hand a client's record out, or carry their erasure request out; see `export/command.py`."""
    from smart_app.export import command

    return command.run(settings, asked.what, json.load(sys.stdin))


_ANSWERS: Mapping[str, Callable[[Settings, argparse.Namespace], dict[str, Any]]] = {
    "keys": _keys,
    "inspect": _inspect,
    "close": _close,
    "fhir-client": _fhir_client,
    "audit": _audit,
    "client": _client,
}
