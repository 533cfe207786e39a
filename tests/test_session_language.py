"""A session in Spanish, through the whole site: offered, chosen, recognised as such, and left to the clinician."""

import json
from pathlib import Path

import pytest

from smart_app.ports import LANGUAGE_NOT_DRAFTED
from smart_app.session import State
from smart_app.transcript import base_model
from smart_app.transcript.languages import languages_of
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import sound_chunk, whole_site


def multilingual(folder: Path) -> str:
    """Return the folder of a model that understands English and Spanish."""
    folder.mkdir()
    tokens = {"<|startoftranscript|>": 50_258, "<|en|>": 50_259, "<|es|>": 50_262}
    added = [{"content": content, "id": id_} for content, id_ in tokens.items()]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    for name in ("model.bin", "config.json"):
        (folder / name).touch()
    return str(folder)


def record(visit: Visit) -> None:
    """Record two seconds of each side, and end."""
    grants = visit.record()
    for track, token in grants.items():
        assert visit.alice.put_chunk(token, track, 0, 0, sound_chunk()).status_code == 201
    last = {track: {"run": 0, "number": 0} for track in grants}
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": last})
    visit.end(last)


def test_a_session_in_spanish(tmp_path: Path, clock: FrozenClock) -> None:
    """The recogniser is told the language; the built-in drafter says that it has none for it; the words are there."""
    folder = multilingual(tmp_path / "model")
    with whole_site(tmp_path / "data", clock, CHARTSIDE_SPEECH_MODEL=folder) as site:
        visit = open_visit(site)
        assert '<option value="es">Spanish</option>' in site.page(f"/sessions/{visit.id}")
        visit.alice.ok(f"/sessions/{visit.id}/language", {"language": "es"})
        record(visit)
        assert "It was set before the first recording and stays." in site.page(f"/sessions/{visit.id}")
        site.work()
        assert set(site.ear.languages) == {"es"}
        session = site.session(visit.id)
        assert (session.state, session.reason) == (State.EMPTY, LANGUAGE_NOT_DRAFTED)
        assert "Transcript of the session" in site.page(f"/sessions/{visit.id}/summary")


def test_with_an_english_model_there_is_nothing_to_choose(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundled model understands English alone, where Whisper base is not installed beside it."""
    monkeypatch.setattr(base_model, "installed", tuple)
    languages_of.cache_clear()
    with whole_site(tmp_path / "data", clock) as site:
        visit = open_visit(site)
        assert "Language of the session" not in site.page(f"/sessions/{visit.id}")
        assert visit.alice.post(f"/sessions/{visit.id}/language", {"language": "es"}).status_code == 400
    languages_of.cache_clear()
