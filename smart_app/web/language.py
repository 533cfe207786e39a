"""Which language a page speaks, and its words (Flask-Babel).

The client chooses by a switch that a cookie remembers; else their browser says; else English. Catalogues are `.po`
files that are read as they are: nothing is compiled at installation. English is the key of every word.
"""

import io
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, g, request
from flask_babel import Babel, Domain, get_locale  # type: ignore[import-untyped]

from smart_app.config import Settings
from smart_app.web.policy import Who

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "es": "Español"}
"""What the client can choose from, each named in itself."""
CATALOGUES = Path(__file__).parent / "translations"
ASKED_BY = "lang"
"""The part of a link that asks for a language, e.g. ?lang=es: an invitation opens in the one it was written in."""
_COOKIE_LASTS_S = 365 * 24 * 3600
_THEIRS = {Who.PUBLIC, Who.INVITED, Who.COPY_LINK, Who.IN_ROOM}


def cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that remembers the choice; the `__Host-` prefix needs https."""
    return "chartside-language" if settings.is_loopback_dev else "__Host-chartside-language"


def catalogue_file(language: str) -> Path:
    """Return where a language's catalogue is kept."""
    return CATALOGUES / language / "LC_MESSAGES" / "messages.po"


@lru_cache
def catalogue(language: str) -> Catalog:
    """Return a language's catalogue; English has none."""
    with catalogue_file(language).open("rb") as file:
        return read_po(file, locale=language)


@lru_cache
def _translations(language: str) -> NullTranslations:
    if language not in LANGUAGES or language == ENGLISH:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return Translations(compiled)


def translate(text: str, language: str) -> str:
    """Return a sentence in a language; in English when its catalogue lacks it."""
    return _translations(language).gettext(text) if text else ""


@lru_cache
def script_words(language: str) -> dict[str, str]:
    """Return what the page scripts say, English to translation: the `words` block that words.mjs reads."""
    if language == ENGLISH:
        return {}
    return {
        str(each.id): str(each.string)
        for each in catalogue(language)
        if each.id and each.string and any(path.endswith(".mjs") for path, _ in each.locations)
    }


class _PoDomain(Domain):  # type: ignore[misc]
    """Gives Flask-Babel the catalogues of this module."""

    def get_translations(self) -> NullTranslations:
        """Return the words of the request's language."""
        locale = get_locale()
        return _translations(locale.language if locale is not None else ENGLISH)


class _PoBabel(Babel):  # type: ignore[misc]
    @cached_property
    def domain_instance(self) -> _PoDomain:
        """Return the one domain there is."""
        return _PoDomain()


def current() -> str:
    """Return the language of this request."""
    locale = get_locale()
    return str(locale.language) if locale is not None else ENGLISH


def in_link(language: str) -> str:
    """Return what a link ends with before its fragment, so that it opens in a language."""
    return f"?{ASKED_BY}={language}"


def _asked_for() -> str:
    """Return the language that the link of this page asks for; empty for none, or for one that we do not speak."""
    asked = request.args.get(ASKED_BY, "") if request.method == "GET" else ""
    return asked if asked in LANGUAGES else ""


def _is_for_a_client(app: Flask) -> bool:
    """Say whether the page or the answer is a client's: a clinician's stay in English for now."""
    if request.endpoint is None:
        return True
    policy = getattr(app.view_functions.get(request.endpoint), "policy", None)
    return policy in _THEIRS and g.get("person") is None and request.blueprint != "launch"


def prepare(app: Flask, settings: Settings) -> None:
    """Give the app its languages: `_()`, `language`, `languages` and `script_words` in every template."""

    def choose() -> str:
        chosen = request.cookies.get(cookie_name(settings), "")
        if not _is_for_a_client(app):
            # Who is not signed in meets nothing but a refusal there, and may have chosen a language on it.
            is_theirs = g.get("person") is None and request.blueprint != "launch" and chosen in LANGUAGES
            return chosen if is_theirs else ENGLISH
        if asked := _asked_for():
            return asked
        return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES, ENGLISH)

    def keep(answer: Response) -> Response:
        asked = _asked_for()
        if asked and answer.mimetype == "text/html" and _is_for_a_client(app):
            remember(answer, settings, asked)
        return answer

    def template_words() -> dict[str, Any]:
        language = current()
        return {"language": language, "languages": LANGUAGES, "script_words": script_words(language)}

    _PoBabel(app, default_locale=ENGLISH, locale_selector=choose)
    app.context_processor(template_words)
    app.after_request(keep)


def remember(answer: Response, settings: Settings, language: str) -> None:
    """Keep the choice in the browser."""
    answer.set_cookie(
        cookie_name(settings),
        language,
        max_age=_COOKIE_LASTS_S,
        secure=not settings.is_loopback_dev,
        httponly=True,
        samesite="Lax",
        path="/",
    )
