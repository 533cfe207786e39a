"""A signed note on paper: its exact words as a PDF, with who signed it and what is AI-drafted. Pure.

One embedded font (Noto Sans: Latin, Greek, Cyrillic). A letter that it lacks, or that would need shaping or another
direction, is written as its Unicode number in square brackets and the page says so: none is lost in silence.
"""

import logging
import tempfile
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pymupdf_fonts  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF

from fhir_mappings.text import NOT_DOCUMENTED

_FAMILY = "Noto Sans"
_MARGIN_MM = 20
_BODY_PT, _SMALL_PT, _HEAD_PT, _TITLE_PT = 10.5, 8.5, 13, 17
_LINE_MM = 5.4
NOT_PRINTED = (
    "Some letters of this note cannot be printed in this font. Each of them stands as its Unicode number in square "
    "brackets; the note in the chart and its copy as text have them as they were written."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is printed; `elements` are (title, text) in order, texts as they are filed; a heading has none."""

    title: str
    patient: str
    birth_date: str
    signer: str
    signed_at: str
    """In the signer's zone, in words; empty for a draft."""
    session_at: str
    standing: str
    has_ai: bool
    elements: Sequence[tuple[str, str | None]]
    note_id: str


def head(paper: Paper) -> list[str]:
    """Return the lines above the note: whose it is, of which session, who signed it, and what in it is AI-drafted."""
    born = f", born {paper.birth_date}" if paper.birth_date else ""
    if paper.signed_at:
        stands = f"Signed {paper.signed_at} by {paper.signer}. {paper.standing}."
    else:
        stands = f"DRAFT, not signed. Author: {paper.signer}."
    lines = [paper.title, f"{paper.patient}{born}", f"Session of {paper.session_at}", stands]
    if paper.has_ai:
        reviewed = "which the signer reviewed" if paper.signed_at else "not signed as reviewed yet"
        lines.append(f"Holds AI-drafted text, {reviewed}.")
    return lines


def _font() -> bytes:
    """Return the font's TrueType file."""
    return bytes(pymupdf_fonts.fontbuffers["notos"]())


@cache
def _letters() -> frozenset[int]:
    with TTFont(BytesIO(_font()), lazy=True) as font:
        return frozenset(font.getBestCmap())


def _is_printable(letter: str) -> bool:
    # Right-to-left scripts have letters here but need shaping and another direction to be legible.
    return ord(letter) in _letters() and unicodedata.bidirectional(letter) not in {"R", "AL", "RLE", "RLO", "RLI"}


def printable(text: str) -> str:
    """Return the text with every letter that cannot be printed as [U+XXXX]; line ends and tabs stay."""
    composed = unicodedata.normalize("NFC", text).replace("\t", "    ")
    return "".join(each if each == "\n" or _is_printable(each) else f"[U+{ord(each):04X}]" for each in composed)


class _Page(FPDF):
    """Pages with a foot line that names note and page."""

    foot = ""

    def footer(self) -> None:
        """Write the foot line."""
        self.set_y(-15)
        self.set_font(_FAMILY, size=_SMALL_PT)
        self.cell(0, 5, f"{self.foot}  ·  page {self.page_no()} of {{nb}}", align="C")


def _made(paper: Paper, font_file: Path) -> _Page:
    page = _Page(format="A4")
    page.set_margins(_MARGIN_MM, _MARGIN_MM)
    page.set_auto_page_break(True, margin=_MARGIN_MM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the font's own oddities, of no consequence here
        page.add_font(_FAMILY, fname=font_file)
    page.set_title(paper.title)
    page.set_creator("Chartside")
    page.set_lang("en")
    page.foot = printable(f"{paper.patient}  ·  note {paper.note_id}")
    page.add_page()
    return page


def _write(page: FPDF, text: str, size: float, *, before_mm: float = 0) -> None:
    page.set_font(_FAMILY, size=size)
    if before_mm:
        page.ln(before_mm)
    page.multi_cell(0, _LINE_MM * size / _BODY_PT, printable(text), new_x="LMARGIN", new_y="NEXT", align="L")


def pdf(paper: Paper) -> bytes:
    """Return the note as a PDF file."""
    # fontTools tells at length what it subsets.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:  # the library takes a font by its path only
        font_file = Path(folder) / "font.ttf"
        font_file.write_bytes(_font())
        return _printed(paper, _made(paper, font_file))


def _printed(paper: Paper, page: _Page) -> bytes:
    title, *lines = head(paper)
    _write(page, title, _TITLE_PT)
    for number, line in enumerate(lines):
        _write(page, line, _BODY_PT, before_mm=0 if number else 2)
    whole = "".join(
        [paper.title, paper.patient, paper.signer, *(part or "" for each in paper.elements for part in each)]
    )
    plain = unicodedata.normalize("NFC", whole).replace("\n", "").replace("\t", "")
    if not all(_is_printable(each) for each in plain):
        _write(page, NOT_PRINTED, _SMALL_PT, before_mm=2)
    for title, text in paper.elements:
        _write(page, title, _HEAD_PT, before_mm=5)
        if text is not None:
            _write(page, text.strip() or NOT_DOCUMENTED, _BODY_PT, before_mm=1)
    return bytes(page.output())
