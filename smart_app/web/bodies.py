"""JSON that comes in: text that cannot be written as UTF-8 is no text, and is refused where it is read."""

import json
from typing import Any

from flask.json.provider import DefaultJSONProvider


class TextJson(DefaultJSONProvider):
    """Flask's JSON, which takes no half of a surrogate pair: no database and no file could keep it (RFC 8259, 8.2)."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value. Raises ValueError for what is no JSON, and for text that is none."""
        value = super().loads(s, **kwargs)
        escape = b"\\ud" if isinstance(s, bytes) else "\\ud"
        if escape in s.lower():  # type: ignore[operator]
            json.dumps(value, ensure_ascii=False).encode()
        return value
