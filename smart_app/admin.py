"""What the administrator's command asks the app: scopes of a server, keys, the installation's state, its end.

Each answer is one JSON object on standard output; the log goes to standard error.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from smart_app.config import Settings
from smart_app.launch import scopes

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
    for one in filter(None, map(scopes.parse, scopes.plan(with_task).split())):
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
    """Answer `keys`, `inspect` or `close`. Each imports what it needs: the command line starts quickly."""
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
    """List the keys that prove Chartside at the EHRs (private_key_jwt), after making new ones when asked to rotate."""
    from smart_app.kit import SystemClock
    from smart_app.launch.client_keys import ClientKeys
    from smart_app.store.database import Database
    from smart_app.store.sealed import Seal
    from smart_app.store.upgrade import upgrade

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = Database(settings.database_url)
    upgrade(db)
    ours = ClientKeys(db=db, seal=Seal(settings.master_key), clock=SystemClock())
    found: dict[str, Any] = {"jwks_uri": f"{settings.base_url}/.well-known/jwks.json"}
    if asked.what == "rotate":
        kids, signs_from = ours.rotate(is_leaked=asked.leaked)
        found |= {"made": kids, "signs_from": signs_from.isoformat()}
    found |= ours.jwks()
    db.close()
    return found


_ANSWERS: Mapping[str, Callable[[Settings, argparse.Namespace], dict[str, Any]]] = {
    "keys": _keys,
    "inspect": _inspect,
    "close": _close,
}
