"""The languages people speak in sessions, by their two-letter codes. Pure."""

from collections.abc import Mapping

from babel import Locale, UnknownLocaleError

ENGLISH = "en"
ENGLISH_ONLY: Mapping[str, str] = {ENGLISH: "English"}


def name_of(code: str) -> str:
    """Return a language's name in English, or its code where it has none here."""
    try:
        return Locale.parse(code).get_language_name(ENGLISH) or code
    except (UnknownLocaleError, ValueError):
        return code
