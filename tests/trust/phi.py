"""A scanner of logs for health information: the tests' people, what they say, and tokens, in every form they may take.

`Watch` lets a whole pytest run log as the product does, into files to be scanned.
"""

import base64
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import structlog

from smart_app import logs

ROOT = Path(__file__).parents[2]
FOLDER = "CHARTSIDE_WATCH_LOGS"
"""Where the environment names the folder that a watched pytest run logs into."""
SAMPLE_CALL = ROOT / "plugin" / "sandbox" / "sample" / "therapy_call.json"
PEOPLE = (
    "Maya",
    "Thompson",
    "1995-03-14",
    "RC-10231",
    "555 0123",
    "Orchard Lane",
    "Leah",
    "Carol",
    "Diaz",
    "1990-02-03",
)
"""The patients of the sandbox and of the tests' small EHR, with their dates, numbers and places."""
SPOKEN = ("four hours a night", "afraid of driving", "sertraline", "generalised anxiety", "my stomach hurt")
"""What the tests' recogniser hears, and what their charts hold."""
TOKEN = re.compile(rb"Bearer |eyJ[A-Za-z0-9_-]{10,}\.")
"""A bearer token, or the head of a signed one."""
_PHRASE_WORDS = 6


def phrases() -> tuple[str, ...]:
    """Return a phrase of each longer sentence of the sample call."""
    said = [each["text"].split() for each in json.loads(SAMPLE_CALL.read_text())["segments"]]
    return tuple(" ".join(words[:_PHRASE_WORDS]) for words in said if len(words) > _PHRASE_WORDS)


def forms(marker: str) -> Iterator[bytes]:
    """Return the marker as it may stand in a log: plain, lower case, escaped, quoted for an address, base64, hex."""
    for text in dict.fromkeys((marker, marker.lower())) if " " in marker else (marker,):
        yield text.encode()
        yield json.dumps(text)[1:-1].encode()
        yield quote(text).encode()
        yield quote_plus(text).encode()
        yield text.encode("utf-16-le")
        yield text.encode().hex().encode()
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + text.encode())
            yield whole[4 if shift else 0 : -4]


def hits(content: bytes, markers: Iterable[str]) -> list[str]:
    """Return which markers stand in it, and `a token` for something that looks like one."""
    found = [marker for marker in markers if any(form in content for form in forms(marker) if len(form) >= 4)]
    return found + (["a token"] if TOKEN.search(content) else [])


def in_files(files: Iterable[Path], markers: Iterable[str]) -> list[str]:
    """Return `file: marker` for everything found in these files."""
    asked = tuple(markers)
    return [f"{path.name}: {marker}" for path in files for marker in hits(path.read_bytes(), asked)]


def cast() -> tuple[str, ...]:
    """Return everything that no log of a test may hold."""
    return (*PEOPLE, *SPOKEN, *phrases())


class Watch:
    """The pytest plugin: the product's log settings, into one file for each process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"pytest-{os.getpid()}.log").open("a", encoding="utf-8", buffering=1)
        logs.quiet_logs()
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=self._file))
        root = logging.getLogger()
        handler = logging.StreamHandler(self._file)
        handler.setFormatter(logs.LibraryLines())
        root.handlers[:] = [handler]
        logging.captureWarnings(capture=False)  # pytest makes them errors

    def pytest_unconfigure(self, config: Any) -> None:
        """Close the file."""
        logging.getLogger().handlers.clear()
        structlog.reset_defaults()
        self._file.close()
