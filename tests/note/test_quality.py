"""The quality signal: counted at signing, section by section, without content; shown to the clinic, never by person."""

import csv
import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import inspect

from smart_app.note.content import Content, Element, Line, LineState, Part
from smart_app.note.quality import measured, words_changed
from smart_app.note.quality_routes import COLUMNS, LEAST_NOTES, as_csv, versions
from smart_app.store import quality
from smart_app.store.quality import Counted, Measured
from smart_app.store.quality_tables import DraftQuality
from tests.note.test_notes_over_http import content, create, decide, save, sign
from tests.note.visit import Clinic, person


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("", "", 0),
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a c", "a b b c", 2),
        ("a b c d", "x y", 4),
        ("", "new words here", 3),
        ("Sleeps  well.\nEats.", "Sleeps well. Eats.", 0),
    ],
)
def test_words_that_differ_are_counted(before: str, after: str, changed: int) -> None:
    """Added, taken out or replaced; how lines are broken does not count."""
    assert words_changed(before, after) == changed


def line(id_: str, state: LineState, drafted: str, text: str) -> Line:
    """Return one line of a note."""
    return Line(id=id_, text=text, drafted=drafted, evidence=(), verdict="supported", why="", state=state)


def test_each_section_is_counted_by_itself() -> None:
    """Kept, edited, removed, added, taken from an offer: each statement once."""
    lines = (
        line("a", "drafted", "Sleeps five hours.", "Sleeps five hours."),
        line("b", "kept", "Eats well.", "Eats well."),
        line("c", "edited", "Takes ten milligrams.", "Takes fifty milligrams."),
        line("d", "removed", "Likes tea.", "Likes tea."),
        line("e", "added", "", "Looked tired."),
        line("f", "added", "Calls her sister.", "Calls her sister on Sunday."),
    )
    parts = (Part(key="subjective", title="S", hint="", lines=lines), Part(key="plan", title="P", hint="", lines=()))
    note: Content = (Element(link_id="ai", title="AI", type="ai-session-summary", parts=parts),)
    found = measured(note)
    assert found is not None
    style, ((key, counted), (_, empty)) = found
    assert (style, key) == ("soap", "subjective")
    expected = Counted(
        drafted_words=10, signed_words=15, changed_words=8, kept=2, edited=1, removed=1, added=1, taken=1
    )
    assert counted == expected
    assert empty == Counted(
        drafted_words=0, signed_words=0, changed_words=0, kept=0, edited=0, removed=0, added=0, taken=0
    )


def test_what_was_not_drafted_is_not_counted() -> None:
    """A note without the element, an addendum's locked text, and a summary of the clinician's own."""
    part = Part(key="plan", title="P", hint="", lines=(line("a", "drafted", "x", "x"),))
    ai = "ai-session-summary"
    assert measured((Element(link_id="x", title="X"),)) is None
    assert measured((Element(link_id="ai", title="AI", type=ai, parts=(part,), is_locked=True),)) is None
    assert measured((Element(link_id="ai", title="AI", type=ai, parts=(part,), reported="By the clinician"),)) is None


def test_signing_keeps_the_figures_and_no_way_back(clinic: Clinic, alice: FlaskClient) -> None:
    """One row a section; no text, no id of a note, session, patient or clinician, no day."""
    clinic.ready()
    note_id = create(alice)
    with clinic.db.read() as db:
        assert quality.of_clinic(db, person().iss) == []
    assert sign(alice, note_id, decide(alice, note_id)).status_code == 200
    with clinic.db.read() as db:
        rows = {row.section: row for row in quality.of_clinic(db, person().iss)}
        columns = {each["name"] for each in inspect(db.get_bind()).get_columns(DraftQuality.__tablename__)}
        assert quality.of_clinic(db, "https://other.example/fhir") == []
    assert list(rows) == ["subjective", "objective", "assessment", "plan"]
    first = rows["subjective"]
    assert (first.month, first.drafter, first.prompt_version, first.notes) == ("2026-11", "builtin", "1", 1)
    assert (first.counted.kept, first.counted.edited) == (2, 1)
    assert rows["assessment"].counted.removed == 1
    assert columns == {"id", "iss", *set(COLUMNS) - {"notes"}}


def test_a_note_without_a_draft_counts_nothing(clinic: Clinic, alice: FlaskClient) -> None:
    """What nobody drafted says nothing of the drafter."""
    clinic.ready()
    note_id = create(alice, "brief-contact-note")
    words = {"link_id": content(alice, note_id)["elements"][0]["link_id"], "text": "Spoke briefly.", "parts": None}
    revision = save(alice, note_id, content(alice, note_id)["revision"], words).json["revision"]
    assert sign(alice, note_id, revision).status_code == 200
    with clinic.db.read() as db:
        assert quality.of_clinic(db, person().iss) == []


def row(
    month: str, section: str, *, style: str = "soap", changed: int = 5, drafted: int = 20, notes: int = 1
) -> Measured:
    """Return the sums of one section in one month."""
    counted = Counted(
        drafted_words=drafted, signed_words=20, changed_words=changed, kept=2, edited=1, removed=0, added=1, taken=0
    )
    return Measured(
        month=month, style=style, section=section, drafter="builtin", prompt_version="1", notes=notes, counted=counted
    )


def test_the_months_are_added_up_for_the_picture() -> None:
    """A version's sections stand in the order of their format; a bar is the share of drafted words that was changed."""
    rows = [row("2026-11", "plan"), row("2026-11", "subjective"), row("2026-10", "subjective", changed=15)]
    (version,) = versions(rows)
    assert [bar.title for bar in version.bars] == ["Subjective", "Plan"]
    assert [(bar.notes, bar.share) for bar in version.bars] == [(2, 0.5), (1, 0.25)]
    assert version.bars[0].counted.kept == 4
    full, none = versions([row("2026-11", "plan", changed=90)]), versions([row("2026-11", "plan", drafted=0)])
    assert (full[0].bars[0].share, none[0].bars[0].share) == (1.0, 0.0)
    own = versions([row("2026-11", "planned-2", style="own"), row("2026-11", "made-up", style="own")])
    assert [bar.title for bar in own[0].bars] == ["made-up", "What was agreed for later"]


def test_the_table_is_one_line_for_each_month_and_section() -> None:
    """CSV with a header; every count is there."""
    lines = list(csv.reader(io.StringIO(as_csv([row("2026-11", "plan", notes=5), row("2026-10", "plan", notes=4)]))))
    assert tuple(lines[0]) == COLUMNS
    assert lines[1][:6] == ["2026-11", "builtin", "1", "soap", "plan", "5"]
    assert lines[1][6:] == ["20", "20", "5", "2", "1", "0", "1", "0"]
    assert lines[2][5:] == ["4", *[""] * 8], "too few notes to tell of"
    assert len(lines) == 3


def again(clinic: Clinic, *, times: int) -> None:
    """Let more notes with the same counts have been signed."""
    with clinic.db.begin() as db:
        for each in quality.of_clinic(db, person().iss):
            words = {name: getattr(each, name) for name in ("month", "style", "section", "drafter", "prompt_version")}
            for _ in range(times):
                quality.keep(db, iss=person().iss, counted=each.counted, **words)


def test_the_administrator_sees_the_clinics_figures(clinic: Clinic, alice: FlaskClient) -> None:
    """An empty page says when the first come; then a bar for each section, a month at a time, and the CSV."""
    clinic.ready()
    note_id = create(alice)
    clinic.door.who = person("Erin", "erin", is_admin=True)
    assert "Nothing to count yet" in alice.get("/admin/quality").text
    clinic.door.who = person()
    sign(alice, note_id, decide(alice, note_id))
    clinic.door.who = person("Erin", "erin", is_admin=True)
    page = alice.get("/admin/quality").text
    assert '<rect class="value"' not in page
    assert page.count("too few to show: 1") == 4
    again(clinic, times=LEAST_NOTES - 1)
    page = alice.get("/admin/quality").text
    assert page.count('<rect class="value"') == 4
    assert "too few" not in page
    assert "Dr Alice" not in page
    assert "builtin" in alice.get("/admin/quality?month=2026-11").text
    assert "builtin" in alice.get("/admin/quality?month=nonsense").text
    answer = alice.get("/admin/quality.csv")
    assert answer.mimetype == "text/csv"
    assert answer.text.count("\r\n") == 5


@pytest.mark.req("T04")
def test_clinicians_do_not_see_it(clinic: Clinic, alice: FlaskClient) -> None:
    """It is for whoever answers for the clinic; there is no ranking to look at."""
    assert alice.get("/admin/quality").status_code == 403
    assert alice.get("/admin/quality.csv").status_code == 403
