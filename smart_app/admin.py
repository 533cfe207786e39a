"""What the administrator's command asks the app without an installation: the scopes of a server. Pure."""

from collections.abc import Mapping
from typing import Any

from smart_app.launch import scopes

_OPERATIONS = {"c": "create", "r": "read", "u": "update", "s": "search"}


def plan(smart: Any, statement: Any) -> dict[str, Any]:
    """Return the scopes that a launch would ask a server for, and what of it Chartside may then do.

    `smart` is its smart-configuration, `statement` its CapabilityStatement; both as read, whatever they hold.
    """
    smart = smart if isinstance(smart, Mapping) else {}
    statement = statement if isinstance(statement, Mapping) else None
    words = {"supported": smart.get("scopes_supported"), "capabilities": smart.get("capabilities")}
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
