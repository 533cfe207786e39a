"""The languages that an installed speech model understands, told from its files without loading it."""

import json
from functools import lru_cache

from smart_app.errors import TranscriptFailed
from smart_app.spoken import ENGLISH, name_of
from smart_app.transcript import base_model
from smart_app.transcript.whisper import model_folder

_MULTILINGUAL_START = 50_258
"""Whisper's `<|startoftranscript|>`; the English-only vocabularies are one token shorter before it."""


@lru_cache(maxsize=4)
def languages_of(folder: str) -> tuple[str, ...]:
    """Return the language codes of the model in a folder (empty: the bundled one), English first."""
    try:
        # The bundled English model is joined by Whisper base where that is installed (engines.py).
        others = base_model.installed() if not folder else ()
        words = json.loads(((others or (model_folder(folder),))[0] / "tokenizer.json").read_text(encoding="utf-8"))
        tokens = {each["content"]: each["id"] for each in words["added_tokens"]}
    except (TranscriptFailed, OSError, ValueError, KeyError, TypeError):
        return (ENGLISH,)
    if tokens.get("<|startoftranscript|>", 0) < _MULTILINGUAL_START:
        return (ENGLISH,)
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    known = sorted(code for code in _LANGUAGE_CODES if f"<|{code}|>" in tokens and code != ENGLISH)
    return (ENGLISH, *known)


def choices(folder: str) -> dict[str, str]:
    """Return what a clinician can choose from: codes with names, English first, the others by name."""
    first, *others = languages_of(folder)
    return {code: name_of(code) for code in (first, *sorted(others, key=name_of))}
