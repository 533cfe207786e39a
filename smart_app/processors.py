"""Which hosts besides this machine may get what was said: each by name, with the agreement that covers it (T14)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from smart_app.errors import ConfigError

NAME = "CHARTSIDE_PROCESSORS"
THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
_LEAST_WORDS = 3
"""An agreement is told by what it is, of when and of whom; `yes` is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """A host that an administrator allowed, and the business associate agreement that they say covers it."""

    host: str
    agreement: str


def read(text: str) -> tuple[Processor, ...]:
    """Read the list from JSON. Raises ValueError when an entry lacks its host or a statement of the agreement."""
    entries = json.loads(text)
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        raise ValueError("a list of objects is wanted")
    found = tuple(
        Processor(host=str(each.get("host", "")).lower(), agreement=str(each.get("agreement", ""))) for each in entries
    )
    if any(not each.host or len(each.agreement.split()) < _LEAST_WORDS for each in found):
        raise ValueError("an entry lacks its host or its agreement")
    return found


def is_covered(url: str, processors: tuple[Processor, ...]) -> bool:
    """Say whether a model at this address may be used: it is on this machine, or its host is on the list."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return False
    return host in THIS_MACHINE or any(each.host == host for each in processors)


def require(env: Mapping[str, str], engine: str, needed: tuple[str, ...]) -> None:
    """Refuse to start with a model elsewhere that is not named whole, or that no agreement covers.

    `needed` names the settings of the engine, its address first. Raises ConfigError.
    """
    for each in needed:
        # Without an address a client library would fall back to its vendor's, and a session's words would leave.
        if not env.get(each):
            raise ConfigError("config", f"{each} is not set, and {engine}=openai needs it.", "Set it, or use builtin.")
    try:
        listed = read(env.get(NAME) or "[]")
    except ValueError:
        raise ConfigError(
            "config",
            f"{NAME} is no list of hosts with their agreements.",
            'Example: [{"host": "api.example.org", "agreement": "BAA of 2026-03-01, signed by Erin Walsh"}]',
        ) from None
    if not is_covered(env[needed[0]], listed):
        raise ConfigError(
            "config",
            f"{NAME} does not name the host of {needed[0]}: what was said would leave this machine uncovered.",
            'Add {"host": ..., "agreement": "the business associate agreement, its date, who signed it"}.',
        )
