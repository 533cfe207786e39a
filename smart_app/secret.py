"""A secret value, which no log or traceback shows, and the keys that a file holds."""

import base64


class Secret:
    """A secret that prints dots."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the secret bytes."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"


def keys_of(text: bytes) -> tuple[Secret, ...]:
    """Return the keys of a text, one a line. Raises ValueError when there is none or one is not 32 bytes in base64."""
    keys = [base64.b64decode(line, validate=True) for line in text.split()]
    if not keys or any(len(key) != 32 for key in keys):
        raise ValueError
    return tuple(Secret(key) for key in keys)
