"""The consent screen's text."""

import hashlib
from datetime import datetime
from string import Formatter

import pytest

from smart_app.consent import screen
from smart_app.consent.questions import screen_for
from smart_app.store import participants
from tests.fakes.room import Visit

PINNED = {
    1: "47b40fb2a6b1b6e45c2ed4e313eae45ca9afbb6ee56d1818fbfbbc9b3ac3dd8a",
    2: "70e36890afd84127c3435e9f01bb0f4a026fb10f6312384cd8f1009346bc01da",
}
"""A changed word needs a new TEXT_VERSION and a new line here."""
FILES = {
    "1.en.toml": "86b76f7c0ce262be6fc5f4ccac3421507f5374ff69acaf48e313ff133c48a81e",
    "1.es.toml": "a18875d67556f4ecfdc99992b844ee675a2506f9c2de625d2da4ed6eab2dc31e",
    "2.en.toml": "f5a36c9bce99ca4556d4fd36ed3e52dedd361ac05084e05c9c5dc34660018446",
    "2.es.toml": "c7829c86f1aa87191fa1851acd724da0d14db9cf827978316d904f9484bca673",
}
"""The released files, by their bytes."""


@pytest.mark.req("T14")
def test_the_text_of_each_version_is_pinned() -> None:
    """What somebody agreed to can be looked up by its version."""
    assert {version: screen.text_sha256(version) for version in range(1, screen.TEXT_VERSION + 1)} == PINNED
    for version in PINNED:
        assert screen.text(version, "en").title == "Consent to Record This Session"


@pytest.mark.req("S12")
def test_it_says_what_the_product_promises() -> None:
    """The words of product.md, with the names put in."""
    shown = screen.render(clinician="Dr Alice", transcript_days=7).html
    text = shown.replace("<p>", "").replace("</p>", "").replace("\n", " ").replace("&#x27;", "'")
    assert text == (
        "Dr Alice asks to record this session's audio. AI software will turn it into text and draft a note that "
        "Dr Alice checks. The audio is erased within 24 hours, the text within 7 days; the signed note stays in your "
        "record. You may decline, or withdraw at any time; your care does not change."
    )
    assert screen.render(clinician="A", transcript_days=7).title == "Consent to Record This Session"


@pytest.mark.req("T08")
def test_it_escapes_names() -> None:
    """A name from the EHR is hostile."""
    shown = screen.render(clinician="<script>{days}</script>", transcript_days=7).html
    assert "<script>" not in shown
    assert "&lt;script&gt;{days}" in shown


@pytest.mark.req("T14")
def test_it_names_the_outside_processor_and_only_one_that_is_outside() -> None:
    """A local model is not outside."""
    assert screen.outside_processor("builtin", "") == ""
    assert screen.outside_processor("openai", "http://127.0.0.1:8000/v1") == ""
    host = screen.outside_processor("openai", "https://api.vendor.example/v1")
    assert "api.vendor.example" in screen.render(clinician="Dr Alice", transcript_days=1, outside=host).html


@pytest.mark.req("D16")
def test_it_says_whose_record_receives_the_words_when_several_are_asked() -> None:
    """Decision 16, without a patient's name."""
    assert "the patient for whom" in screen.render(clinician="A", transcript_days=7, is_together=True).html
    assert "the patient for whom" not in screen.render(clinician="A", transcript_days=7).html


@pytest.mark.req("B14")
def test_in_person_it_says_that_one_microphone_hears_everybody_in_the_room() -> None:
    """Plainly, in both languages, and in no video session, where it would not be true."""
    for language, words in (("en", "One microphone records the whole room: everybody"), ("es", "Un solo micrófono")):
        shown = screen.render(clinician="A", transcript_days=7, is_in_person=True, language=language)
        assert words in shown.html
        assert words not in screen.render(clinician="A", transcript_days=7, language=language).html
        assert shown.text_version == screen.TEXT_VERSION


@pytest.mark.req("B04")
def test_only_the_patient_is_told_that_the_note_stays_in_their_own_record() -> None:
    """A partner, also the first in the room, reads whose record it is (decision 16)."""
    theirs = screen.render(clinician="A", transcript_days=7, is_patient=False).html
    assert "the signed note stays in the patient&#x27;s record" in theirs
    assert "the record of the patient for whom the session was booked" in theirs
    assert "your record" not in theirs


@pytest.mark.req("D10")
@pytest.mark.parametrize(("days", "words"), [(7, "7 days"), (1, "1 day"), (0.5, "12 hours"), (0.01, "1 hour")])
def test_it_says_the_admins_figure(days: float, words: str) -> None:
    """Decision 10: the figure stands on the screen."""
    assert f"the text within {words};" in screen.render(clinician="A", transcript_days=days).html


def test_the_released_files_are_never_edited() -> None:
    """Every word of every language, the spans too: a changed one needs a new version and a new file."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in screen.TEXTS.glob("*.toml")}
    assert found == FILES


@pytest.mark.req("S12")
def test_it_speaks_spanish_with_the_same_facts() -> None:
    """Each language has the same parts with the same places, so nobody is told less."""
    shown = screen.render(clinician="Dra. Alicia", transcript_days=7, language="es")
    assert (shown.language, shown.title) == ("es", "Consentimiento para grabar esta sesión")
    assert "Dra. Alicia le pide permiso para grabar el audio de esta sesión." in shown.html
    assert "24 horas" in shown.html
    assert "7 días" in shown.html
    assert "su atención no cambia" in shown.html
    for version in range(1, screen.TEXT_VERSION + 1):
        english, spanish = (screen.text(version, language) for language in ("en", "es"))
        assert set(english.records) == set(spanish.records)
        for part in ("outside", "together", "in_person", "choice", "title"):
            assert _places(getattr(english, part)) == _places(getattr(spanish, part))
        assert [_places(each) for each in english.paragraphs] == [_places(each) for each in spanish.paragraphs]
        assert {name: _places(each) for name, each in english.spans.items()} == {
            name: _places(each) for name, each in spanish.spans.items()
        }


def test_a_language_that_is_not_there_is_shown_in_english_and_says_so() -> None:
    """The stored language is the one that was shown."""
    assert screen.render(clinician="A", transcript_days=7, language="fr").language == "en"


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.req("D16")
def test_the_screen_counts_who_is_in_the_session(visit: Visit) -> None:
    """A partner who left makes it no session of several; once they are back it is one again."""
    pat = visit.bring("Pat", role="partner")

    def says_several(*, left_at: datetime | None) -> bool:
        with visit.room.db.begin() as db:
            participants.find(db, visit.id, pat.participant_id).left_at = left_at
            db.flush()
            carol = participants.find(db, visit.id, visit.carol.participant_id)
            return "More than one person" in screen_for(db, visit.room.asker, carol).html

    assert says_several(left_at=None)
    assert not says_several(left_at=visit.room.clock.now())
    assert says_several(left_at=None)
