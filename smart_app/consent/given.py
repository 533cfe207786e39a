"""What a request's JSON says, checked by type and size; anything else is BadInput and nothing is stored. Pure."""

from collections.abc import Mapping
from typing import Any

from smart_app.errors import BadInput
from smart_app.store.recordings import LastChunk

_MOST_TRACKS = 32


def _wrong(name: str) -> BadInput:
    return BadInput("bad_field", f"The request's {name} is missing or wrong.", "Reload the page and try again.")


def fields(body: Any) -> Mapping[str, Any]:
    """Return a JSON object; an empty body is an empty one."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise _wrong("body")
    return body


def text(body: Mapping[str, Any], name: str, *, most: int = 200) -> str:
    """Return a text of 1 to `most` printable characters, spaces collapsed."""
    value = body.get(name)
    if not isinstance(value, str):
        raise _wrong(name)
    words = " ".join(value.split())
    if not words or len(words) > most or not words.isprintable():
        raise _wrong(name)
    return words


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return true or false; nothing else counts as either."""
    value = body.get(name)
    if not isinstance(value, bool):
        raise _wrong(name)
    return value


def may_say(body: Mapping[str, Any], name: str) -> bool:
    """Return true or false; a body that does not say it means false."""
    return body.get(name) is not None and flag(body, name)


def number(body: Mapping[str, Any], name: str, *, most: int) -> int:
    """Return a whole number from 0 to `most`."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise _wrong(name)
    return value


def last_chunks(body: Mapping[str, Any]) -> dict[str, LastChunk]:
    """Return `last`: {TRACK: {run, number}} of the last captured chunks; a recorder that names none leaves it out."""
    value = body.get("last") or {}
    if not isinstance(value, dict) or len(value) > _MOST_TRACKS:
        raise _wrong("last")
    return {
        str(track_id): LastChunk(
            run=number(fields(each), "run", most=10_000), number=number(fields(each), "number", most=1_000_000)
        )
        for track_id, each in value.items()
        if each is not None
    }
