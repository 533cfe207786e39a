"""What the logs hold: JSON lines of allowed fields, ids only; of libraries and exceptions kind and place (T11)."""

import json
import logging
import re
import sys
import threading
import tomllib
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

log = structlog.get_logger()

FIELDS = Path(__file__).with_name("log_fields.toml")
_VALUE = re.compile(r"[\w.:/+-]{0,100}")
"""Ids, codes, kinds, places and times: one word. Anything longer or with spaces could be somebody's words."""


@cache
def allowed() -> frozenset[str]:
    """Return the fields that a line may hold."""
    return frozenset(tomllib.loads(FIELDS.read_text(encoding="utf-8")))


def _is_harmless(value: object) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return True
    if isinstance(value, list | tuple):
        return all(_is_harmless(each) for each in value)
    return isinstance(value, str) and _VALUE.fullmatch(value) is not None


def only_allowed(_logger: object, _level: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out every field that is not on the list, and every value that is more than one word."""
    out = sorted(name for name, value in said.items() if name not in allowed() or not _is_harmless(value))
    for name in out:
        del said[name]
    if out:
        said["left_out"] = [name for name in out if _is_harmless(name)]
    return said


def place_of(trace: TracebackType | None) -> str:
    """Return file and line where an exception was raised."""
    place = ""
    while trace is not None:
        place, trace = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}", trace.tb_next
    return place


class LibraryLines(logging.Formatter):
    """A library's line: who speaks, its fixed sentence without values, the class and place of an exception.

    Libraries put addresses with their queries, SQL parameters and bodies into their messages.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        kind, _, trace = record.exc_info or (None, None, None)
        line = {
            "event": "library",
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "place": place_of(trace) or f"{record.filename}:{record.lineno}",
        }
        if kind is not None:
            line["error"] = kind.__name__
        if record.args and isinstance(record.msg, str):  # without values the sentence itself may hold them
            line["words"] = record.msg
        return json.dumps(line)


def gunicorn_logger() -> type:
    """Return gunicorn's logger, made to speak as the other libraries do."""
    from gunicorn.glogging import Logger

    class Quiet(Logger):  # type: ignore[misc]
        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            for handler in self.error_log.handlers:
                handler.setFormatter(LibraryLines())

    return Quiet


def _ended(kind: type[BaseException], trace: TracebackType | None) -> None:
    log.critical("ended", error=kind.__name__, place=place_of(trace))


def _hooks() -> None:
    """Let exceptions that nobody caught be told without their text."""

    def at_top(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _ended(kind, trace)

    def in_thread(raised: threading.ExceptHookArgs) -> None:
        if not issubclass(raised.exc_type, SystemExit):
            _ended(raised.exc_type, raised.exc_traceback)

    sys.excepthook = at_top
    threading.excepthook = in_thread
    sys.unraisablehook = lambda raised: _ended(raised.exc_type, raised.exc_traceback)


def quiet_logs() -> None:
    """Log events as JSON lines of allowed fields; libraries speak at warning level, without values."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(LibraryLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    _hooks()
