"""A note as plain text: each element under an exact heading line, so that one can be taken out by any reader (C04).

A heading is a line that starts with '## '. An element's own line that would look like one (also after blanks, and for
any character that some reader takes for a line end) gets a backslash in front, which `section` takes away again.
"""

import re
from collections.abc import Iterable

from fhir_mappings.faults import refuse

LEFT_OPEN = "(left to the clinician)"
"""Stands under a heading without text while the note is a draft."""
NOT_DOCUMENTED = "(not documented)"
"""Stands there once it is signed: it invents no finding, and leaves nothing open that nobody will fill."""

_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_LIKE_A_HEADING = re.compile(rf"(?<![^{_ENDS}])([^\S{_ENDS}]*)(\\*## )")
_ESCAPED = re.compile(rf"(?<![^{_ENDS}])([^\S{_ENDS}]*)\\(\\*## )")
# What a FHIR string may not hold, and lone surrogates, which UTF-8 cannot.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text without control characters, with \\n as the only line end, without blanks around it."""
    return FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def escape(text: str) -> str:
    """Put a backslash before everything that could be read as a heading."""
    return _LIKE_A_HEADING.sub(r"\1\\\2", text)


def unescape(text: str) -> str:
    """Undo `escape`."""
    return _ESCAPED.sub(r"\1\2", text)


def render(parts: Iterable[tuple[str, str | None]], *, empty: str = LEFT_OPEN) -> str:
    """Write (title, text) pairs as one note; without a text the title stands alone, over what follows.

    `empty` stands under the title of an element whose text is empty.

    Raises InvalidResource for a title empty, repeated or no line.
    """
    blocks, seen = [], set()
    for title, text in parts:
        if not title or title != clean(title) or len(title.splitlines()) != 1:
            raise refuse("note text", "title", "a heading must be one line without blanks around it")
        if title in seen:
            raise refuse("note text", "title", "two elements have the same heading")
        seen.add(title)
        body = "" if text is None else (escape(clean(text)) or empty) + "\n"
        blocks.append(f"## {title}\n{body}")
    return "\n".join(blocks)


def sections(text: str) -> tuple[tuple[str, str], ...]:
    """Read a note's text back as (title, text) pairs; what stands before the first heading is no element."""
    found: list[tuple[str, list[str]]] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("## "):
            found.append((line[3:], []))
        elif found:
            found[-1][1].append(line)
    return tuple((title, _body(lines)) for title, lines in found)


def section(text: str, title: str) -> str | None:
    """Take the section with exactly this title out of a note's text; None if there is none, or more than one."""
    bodies = [body for heading, body in sections(text) if heading == title]
    return bodies[0] if len(bodies) == 1 else None


def _body(lines: list[str]) -> str:
    body = unescape("\n".join(lines).strip())
    return "" if body in {LEFT_OPEN, NOT_DOCUMENTED} else body
