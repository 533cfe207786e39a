"""What the worker really sends, made from rows in every state, passes everything that the golden states pass."""

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mappings.elements import Resource
from fhir_mappings.model import Site
from fhir_mappings.rules import check
from smart_app.config import Settings
from smart_app.jobs.resources import BUILDERS
from smart_app.ports import Filed
from smart_app.store import filings, tables
from smart_app.store.database import Database, new_id
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.chart import FakeChart, FakeCharts
from tests.fhir_mappings.validators import broken_invariants, pyrofile_errors
from tests.jobs.cast import ELEMENTS, Visit, visit_of
from tests.jobs.outbox import filer_of, whole_visit, work

RICH = [
    {"link_id": "details", "title": "Session details", "type": "session-details"},
    {"link_id": "seen", "title": "Seen alone", "type": "checkbox"},
    {"link_id": "used", "title": "Used", "type": "choice", "options": ["CBT", "ACT"], "is_many": True},
    {"link_id": "next", "title": "Next visit", "type": "date"},
    {"link_id": "head", "title": "Rest", "type": "heading"},
    {"link_id": "ai-session-summary", "title": "AI Session Summary", "type": "ai-session-summary", "style": "birp"},
]


class Listening(FakeChart):
    """A chart that keeps every resource that it was sent, also those that were replaced since."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Resource] = []

    def create(self, resource: Resource) -> Filed:
        """Keep it, then create it."""
        self.sent.append(resource)
        return super().create(resource)

    def update(self, resource: Resource, filed: Filed) -> Filed:
        """Keep it, then update."""
        self.sent.append(resource)
        return super().update(resource, filed)


@pytest.fixture
def visit(database: Database, clock: FrozenClock, seal: Seal, settings: Settings) -> Visit:
    """A builder of visits."""
    return visit_of(database, clock, seal, settings)


@pytest.fixture
def chart() -> Listening:
    """An empty chart that listens."""
    return Listening()


def _owe(visit: Visit, subject_id: str, *kinds: str) -> None:
    with visit.db.begin() as db:
        for kind in kinds:
            filings.owe(db, kind, subject_id, session_id=visit.session_id, now=visit.clock.now())


def _change(visit: Visit, table: Any, id_: str, **values: Any) -> None:
    with visit.db.begin() as db:
        row = db.get_one(table, id_)
        for name, value in values.items():
            setattr(row, name, value)


def _erase(visit: Visit, recording_id: str, cause: str) -> None:
    """Erase a recording as the retention worker does, and owe the chart its tombstone and the audit event."""
    _change(visit, tables.Recording, recording_id, erased_at=visit.clock.now(), erase_cause=cause)
    with visit.db.begin() as db:
        db.add(
            tables.Receipt(
                id=new_id(), session_id=visit.session_id, recording_id=recording_id, body="{}", signature="s", hash="h"
            )
        )
    _owe(visit, recording_id, "media", "audit-erasure")


def ordinary(visit: Visit, chart: Listening) -> None:
    """A visit from draft to addendum, with a template of every type; the audio erased after signing."""
    filer = filer_of(visit, FakeCharts(chart))
    visit.open()
    visit.answer()
    recording_id = visit.record(is_stopped=False)
    work(visit, filer)
    _change(visit, tables.Recording, recording_id, stopped_at=visit.clock.now(), stop_cause="stop")
    _owe(visit, recording_id, "media")
    visit.end()
    visit.summarise()
    _owe(visit, visit.session_id, "notice")
    visit.elements = (
        ("seen", "Seen alone", "Yes", False),
        ("used", "Used", "CBT\nACT", False),
        ("next", "Next visit", "2026-12-01", False),
        ("head", "Rest", "", False),
        *ELEMENTS,
    )
    note_id = visit.write_note(is_signed=False)
    _change(visit, tables.Template, "template-1", elements=RICH)
    _owe(visit, note_id, "task", "questionnaire")
    work(visit, filer)
    visit.sign(note_id)
    _owe(visit, note_id, "task", "questionnaire")
    _erase(visit, recording_id, "signed")
    work(visit, filer)
    addendum_id = visit.write_note(replaces_id=note_id)
    _change(visit, tables.Note, note_id, status="superseded")
    _change(visit, tables.Template, "template-1", archived_at=visit.clock.now())
    _owe(visit, note_id, "note", "questionnaire")
    _owe(visit, addendum_id, "note", "questionnaire")
    work(visit, filer)


def withdrawn(visit: Visit, chart: Listening) -> None:
    """A decline, an agreement, its withdrawal: recording stopped and erased, draft and task taken back."""
    filer = filer_of(visit, FakeCharts(chart))
    visit.open()
    visit.answer("rejected")
    consent_id = visit.answer()
    recording_id = visit.record()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    _owe(visit, note_id, "task")
    work(visit, filer)
    visit.withdraw(consent_id)
    _change(visit, tables.Recording, recording_id, stop_cause="withdrawn")
    _erase(visit, recording_id, "withdrawn")
    _change(visit, tables.Note, note_id, status="entered-in-error")
    _owe(visit, note_id, "note", "task")
    work(visit, filer)


def _own_words(speech_model: str) -> Callable[[Visit, Listening], None]:
    def reported(visit: Visit, chart: Listening) -> None:
        visit.open()
        with visit.db.begin() as db:
            db.get_one(tables.Participant, visit.client_part_id).role = "partner"
        visit.answer("rejected")
        visit.answer()
        visit.end()
        visit.write_own_note(speech_model=speech_model)
        work(visit, filer_of(visit, FakeCharts(chart)))

    return reported


def at_a_poor_server(visit: Visit, chart: Listening) -> None:
    """An EHR that takes neither consents nor recordings: the note names them by identifier."""
    chart.off = {(kind, operation) for kind in ("Consent", "Media") for operation in ("create", "update")}
    whole_visit(visit)
    work(visit, filer_of(visit, FakeCharts(chart)))


VISITS = {
    "ordinary": (
        ordinary,
        {"AuditEvent", "Communication", "Consent", "Device", "DocumentReference", "Media", "Provenance", "Task"},
    ),
    "withdrawn": (withdrawn, {"AuditEvent", "Consent", "Device", "DocumentReference", "Media", "Task"}),
    "typed": (_own_words(""), {"Consent", "Device", "DocumentReference", "Provenance"}),
    "dictated": (_own_words("tiny.en"), {"Consent", "Device", "DocumentReference", "Provenance"}),
    "at a poor server": (at_a_poor_server, {"Device", "DocumentReference", "Provenance"}),
}
STATES = {
    "ordinary": {"in-progress", "completed", "current", "superseded", "active", "requested", "retired"},
    "withdrawn": {"rejected", "active", "inactive", "stopped", "entered-in-error", "cancelled"},
    "typed": {"rejected", "active", "current"},
    "dictated": {"rejected", "active", "current"},
    "at a poor server": {"current"},
}


@pytest.mark.req("C02", "C03", "C04", "C05", "C09", "C10")
@pytest.mark.parametrize("name", sorted(VISITS))
def test_what_the_worker_sends_is_right_by_every_judge(
    visit: Visit, chart: Listening, settings: Settings, name: str
) -> None:
    """0 faults by the rule layer (with R4B), pyrofile-validator and R4's invariants, for each resource ever sent."""
    play, kinds = VISITS[name]
    play(visit, chart)
    site = Site(base=settings.base_url, canonical=settings.canonical_url)
    sent = {f"{number} {each['resourceType']}": each for number, each in enumerate(chart.sent)}
    assert kinds <= {each["resourceType"] for each in chart.sent}
    assert STATES[name] <= {str(each.get("status")) for each in chart.sent}
    assert {which: faults for which, each in sent.items() if (faults := check(each, site))} == {}
    assert {which: errors for which, each in sent.items() if (errors := pyrofile_errors(each))} == {}
    assert broken_invariants(sent) == []


def test_every_kind_of_filing_is_among_the_visits() -> None:
    """A kind that is filed from now on must be judged here too."""
    assert set(BUILDERS) == {
        *("device", "app-device", "consent", "media", "note", "questionnaire", "notice"),
        *("provenance-draft", "provenance-signed", "audit-erasure", "task"),
    }
