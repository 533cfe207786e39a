"""What a browser's profile on disk holds of a session: the one place on a clinician's machine that keeps things."""

from collections.abc import Iterable

from tests.campaigns import scanner
from tests.campaigns.scanner import MOST_BYTES, Hit, Needle
from tests.journeys.browsing import Browser

PIECES_OF_CHUNK = 3


def needles(browser: Browser, words: Iterable[str]) -> list[Needle]:
    """Return what may not be there: pieces of each chunk as it was sent, the keys of waiting chunks, and the words.

    Each text is looked for in both ways that Chromium writes text in, by its first letters.
    """
    found = [
        Needle("sound", piece)
        for chunk in browser.sent_chunks
        for piece in scanner.windows_of(chunk, count=PIECES_OF_CHUNK)
    ]
    found += [Needle("key of waiting chunks", key) for key in browser.issued_keys]
    for text in words:
        found += [Needle("words", text.encode(code)[:MOST_BYTES]) for code in ("utf-8", "utf-16-le")]
    return list({needle.body: needle for needle in found}.values())


def left(browser: Browser, wanted: list[Needle]) -> list[Hit]:
    """Return what of it the profile holds."""
    return list(scanner.in_files([browser.profile], wanted))


def assert_is_written(browser: Browser, mark: str) -> None:
    """Fail unless the scanner finds something in the profile that has to be there: else it would prove nothing."""
    assert left(browser, [Needle("mark", mark.encode()[:MOST_BYTES])]), "the profile is not where it is looked for"
