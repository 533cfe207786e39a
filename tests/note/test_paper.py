"""A signed note on paper: every letter is there or named, and it says who signed and what is AI-drafted."""

import unicodedata
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from smart_app.note import paper
from smart_app.note.times import written, zone_of
from tests.note.visit import Clinic


def test_letters_of_many_languages_are_printed_as_they_are() -> None:
    """Latin with marks, Greek, Cyrillic, dashes and quotes."""
    text = "Zoë Łukasz Ñandú — “Привет” Ω €"
    assert paper.printable(text) == text


def test_a_letter_that_cannot_be_printed_stands_as_its_number() -> None:
    """Chinese is not in the font; Hebrew and Arabic would need another direction."""
    assert paper.printable("你 ש") == "[U+4F60] [U+05E9]"


@given(st.text(max_size=200))
def test_no_letter_is_lost_in_silence(text: str) -> None:
    """Whatever was written, each letter is printed or named by its number."""
    shown = paper.printable(text)
    left = unicodedata.normalize("NFC", text).replace("\t", "    ")
    for letter in left:
        mark = f"[U+{ord(letter):04X}]"
        assert shown.startswith(letter) or shown.startswith(mark)
        shown = shown[len(mark) if shown.startswith(mark) and letter != "[" else 1 :]
    assert shown == ""


def sheet(**more: object) -> paper.Paper:
    """Return a note to print."""
    at = written(datetime(2026, 11, 22, 15, 4, tzinfo=UTC), zone=zone_of("Asia/Kathmandu"))
    assert at == "22 Nov 2026, 20:49 (Asia/Kathmandu)", "the zone is said"
    facts: dict[str, object] = {
        "title": "SOAP progress note",
        "patient": "Maya",
        "birth_date": "1994-03-08",
        "signer": "Dr Alice",
        "signed_at": at,
        "session_at": at,
        "standing": "Signed",
        "has_ai": True,
        "elements": [("Plan", "Meet on Friday.\n" * 120)],
        "note_id": "n1",
        **more,
    }
    return paper.Paper(**facts)  # type: ignore[arg-type]


def test_a_long_note_takes_several_pages() -> None:
    """Nothing is cut at the foot of a page."""
    made = paper.pdf(sheet())
    assert made.startswith(b"%PDF-")
    assert made.count(b"/Type /Page\n") >= 3


def test_a_heading_has_no_text_of_its_own_on_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a group of elements stands its heading alone; an element without text reads as not documented."""
    written: list[str] = []
    monkeypatch.setattr(FPDF, "multi_cell", lambda self, w, h, text, **more: written.append(text))
    paper.pdf(sheet(elements=[("Today", None), ("Risk assessment", ""), ("Plan", "Rest.")]))
    assert written[-5:] == ["Today", "Risk assessment", "(not documented)", "Plan", "Rest."]


def test_only_a_signed_note_is_printed(clinic: Clinic, alice: FlaskClient) -> None:
    """A draft is no record; the file's name names nobody."""
    clinic.ready()
    note_id = alice.post("/notes", json={"session_id": "s1", "template_id": "brief-contact-note"}).json["note_id"]  # type: ignore[index]
    assert alice.get(f"/notes/{note_id}/pdf").status_code == 409
    edit = {"link_id": "reason", "text": "Called.", "parts": None}
    revision = alice.post(f"/notes/{note_id}/save", json={"revision": 1, "elements": [edit]}).json["revision"]  # type: ignore[index]
    assert alice.post(f"/notes/{note_id}/sign", json={"revision": revision, "attests": True}).status_code == 200
    answer = alice.get(f"/notes/{note_id}/pdf?time_zone=Europe/Berlin")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
    assert "Maya" not in answer.headers["Content-Disposition"]
    page = alice.get(f"/notes/{note_id}").text
    assert f'href="/notes/{note_id}/pdf"' in page
    assert 'id="print"' in page


@pytest.mark.parametrize("title", ["Zähler", "注"])
def test_the_warning_stands_only_where_a_letter_is_missing(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words at the top say that some letters stand as numbers."""
    written: list[str] = []
    real = paper._write

    def note(page: FPDF, text: str, size: float, *, before_mm: float = 0) -> None:
        written.append(text)
        real(page, text, size, before_mm=before_mm)

    monkeypatch.setattr(paper, "_write", note)
    paper.pdf(sheet(title=title))
    assert (paper.NOT_PRINTED in written) == (title == "注")
