"""What a speech model understands is told from its files, so that no language is offered that it has not."""

import json
from pathlib import Path

import pytest

from smart_app.spoken import name_of
from smart_app.transcript import base_model
from smart_app.transcript.languages import choices, languages_of


def folder(tmp_path: Path, *, start: int, codes: tuple[str, ...] = ("en", "es", "de", "haw")) -> str:
    """Return the folder of a model with this vocabulary."""
    tokens = [{"id": start, "content": "<|startoftranscript|>"}]
    tokens += [{"id": start + n, "content": f"<|{code}|>"} for n, code in enumerate(codes, start=1)]
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": tokens}))
    for name in ("model.bin", "config.json"):
        (tmp_path / name).touch()
    return str(tmp_path)


def test_the_bundled_model_is_english_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """tiny.en lists other languages among its tokens and knows none of them; Whisper base beside it knows many."""
    languages_of.cache_clear()
    assert base_model.installed()
    assert {"en": "English", "es": "Spanish"}.items() <= choices("").items()
    monkeypatch.setattr(base_model, "installed", tuple)
    languages_of.cache_clear()
    assert languages_of("") == ("en",)
    assert choices("") == {"en": "English"}
    languages_of.cache_clear()


def test_a_multilingual_model_offers_what_its_vocabulary_holds(tmp_path: Path) -> None:
    """English first, the others by name."""
    given = folder(tmp_path, start=50_258)
    assert languages_of(given) == ("en", "de", "es", "haw")
    assert list(choices(given).items()) == [("en", "English"), ("de", "German"), ("haw", "Hawaiian"), ("es", "Spanish")]


def test_an_english_vocabulary_offers_nothing_else(tmp_path: Path) -> None:
    """One token shorter before its start."""
    assert languages_of(folder(tmp_path, start=50_257)) == ("en",)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"added_tokens": [{}]}'])
def test_what_cannot_be_read_offers_english(tmp_path: Path, content: str) -> None:
    """A broken or missing model is told elsewhere; nothing is promised here."""
    given = folder(tmp_path, start=50_258)
    (tmp_path / "tokenizer.json").write_text(content)
    languages_of.cache_clear()
    assert languages_of(given) == ("en",)
    assert languages_of(str(tmp_path / "nowhere")) == ("en",)


def test_languages_are_named_in_words() -> None:
    """A code without a name is shown as it is."""
    assert [name_of(code) for code in ("es", "haw", "xx-no", "??")] == ["Spanish", "Hawaiian", "xx-no", "??"]
