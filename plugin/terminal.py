"""What the command writes: tables for people (colours on a terminal only, none with NO_COLOR), JSON for scripts."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from plugin.failures import Failure

_WIDTH = 120
"""Where nobody looks at it, as in a log."""
MARKS = {
    "ok": ("OK", "green"),
    "note": ("note", "cyan"),
    "warning": ("WARNING", "yellow"),
    "problem": ("PROBLEM", "red"),
}
"""Words beside the colours: colour alone says nothing."""


def _console(stream: TextIO) -> Console:
    is_terminal = stream.isatty()
    is_plain = not is_terminal or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream, highlight=False, no_color=is_plain, width=None if is_terminal else _WIDTH, soft_wrap=False
    )


def out() -> Console:
    """Return the console of the answers."""
    return _console(sys.stdout)


def say(words: str) -> None:
    """Write a line of the answer; what comes from a server is never taken for markup."""
    out().print(Text(clean(words)))


def heading(words: str) -> None:
    """Write a heading."""
    out().print()
    out().print(Text(clean(words), style="bold"))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table; a cell that is a mark gets its colour."""
    shown = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name in columns:
        shown.add_column(name, overflow="fold")
    colours = dict(MARKS.values())
    for row in rows:
        shown.add_row(*(Text(clean(cell), style=colours.get(cell, "")) for cell in row))
    out().print(shown)


def clean(words: str) -> str:
    """Take control characters out of what a server said."""
    return "".join(char for char in words if char.isprintable() or char == "\n")


def write_json(content: Mapping[str, Any]) -> None:
    """Write the answer for a script."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def fail(failure: Failure, *, as_json: bool) -> int:
    """Tell why the command ends, in the form that was asked for; return the exit status."""
    if as_json:
        told = {"code": failure.code, "sentence": failure.sentence, "todo": failure.todo}
        write_json({"exit": int(failure.exit_status), "error": told})
    else:
        console = _console(sys.stderr)
        console.print(Text(clean(failure.sentence), style="red"))
        console.print(Text(f"What to do: {clean(failure.todo)}"))
    return int(failure.exit_status)
