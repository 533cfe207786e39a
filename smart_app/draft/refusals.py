"""What the error of a drafting service says: each server has its own words, and another number, for the same thing."""

import re

MAY_NAME_A_CAUSE = frozenset({400, 413, 422, 500})
"""Refusals that another request may not meet: llama.cpp answers 500 and TGI 422 to a session that is too long."""
_TOO_LARGE = 413
_REPEATS = frozenset({"input", "ctx", "request", "body"})
"""Keys under which servers repeat what they were sent; it may say anything."""
_DEEPEST, _LONGEST = 6, 4_000
_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window|limit)|maximum context|too (?:long|large|many (?:\w+ )?tokens)|max_new_tokens"
    r"|exceed\w*[^.]{0,80}\b(?:tokens?|context)\b|\btokens?\b[^.]{0,80}(?:exceed|must be|limit)",
    re.IGNORECASE,
)
_FORM = re.compile(r"response_format|json_|schema|grammar|structured", re.IGNORECASE)
_TEMPERATURE = re.compile(r"temperature", re.IGNORECASE)


def complaint(body: object, depth: int = 0) -> str:
    """Return the words of an error's body, but for what it repeats of the request."""
    if depth > _DEEPEST:
        return ""
    if isinstance(body, dict):
        parts = [complaint(value, depth + 1) for key, value in body.items() if key not in _REPEATS]
    elif isinstance(body, list):
        parts = [complaint(each, depth + 1) for each in body]
    else:
        parts = [str(body)]
    return " ".join(parts)[:_LONGEST]


def is_too_long(status: int, said: str) -> bool:
    """Say whether the request did not fit the model's context, or the server."""
    return status == _TOO_LARGE or _TOO_LONG.search(said) is not None


def names_form(said: str) -> bool:
    """Say whether the way in which JSON is asked for is refused."""
    return _FORM.search(said) is not None


def names_temperature(said: str) -> bool:
    """Say whether the temperature is refused: some models take only their own."""
    return _TEMPERATURE.search(said) is not None
