"""What Chartside's own FHIR face shows follows every change, in the same transaction, whatever the EHR takes."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fhir_mappings import rules
from fhir_mappings.model import Site
from smart_app.jobs.face_writing import FaceWriter
from smart_app.ports import Resource
from smart_app.store import face, filings, tables
from smart_app.store.database import new_id
from smart_app.store.ehr_tables import FaceResource
from smart_app.store.tables import Note, Recording, TelehealthSession
from tests.jobs.cast import ISS, Visit
from tests.jobs.outbox import MODELS

Shown = Callable[[str], list[Resource]]


def writer_of(visit: Visit, **more: Any) -> FaceWriter:
    """Return a writer for the visit's site."""
    return FaceWriter(
        **{
            "clock": visit.clock,
            "settings": visit.settings,
            "seal": visit.seal,
            "models": lambda: MODELS,
            "read_elements": lambda _note: visit.elements,
            **more,
        }
    )


@pytest.fixture
def writer(visit: Visit) -> FaceWriter:
    """A writer that follows the database."""
    made = writer_of(visit)
    made.follow(visit.db)
    return made


@pytest.fixture
def shown(visit: Visit) -> Shown:
    """What is on the face of one type, oldest change first."""

    def read(resource_type: str) -> list[Resource]:
        with visit.db.read() as db:
            found = face.walk(db, visit.seal, face.Wanted(resource_type=resource_type))
            return [each.body for each in found if each.body is not None]

    return read


def signed(visit: Visit) -> str:
    """Hold a visit, write its note and sign it; return the note's id."""
    visit.open()
    visit.answer()
    visit.record()
    visit.end()
    visit.summarise()
    with visit.db.begin() as db:  # as the desk does: signed and owed in one transaction
        note_id = _note(visit, db)
    return note_id


def _note(visit: Visit, db: Any) -> str:
    now = visit.clock.now()
    if db.get(tables.Template, "template-1") is None:
        db.add(tables.Template(id="template-1", title="SOAP progress note", elements=[], created_at=now))
    row = Note(
        id=new_id(),
        session_id=visit.session_id,
        clinician_id="alice",
        patient_id="carol",
        template_id="template-1",
        title="SOAP progress note",
        status="signed",
        content_sealed=b"x",
        summary_version=1,
        created_at=now,
        saved_at=now,
        signed_at=now,
    )
    db.add(row)
    db.flush()
    for kind in ("note", "provenance-draft", "provenance-signed"):
        filings.owe(db, kind, row.id, session_id=visit.session_id, now=now)
    return row.id


@pytest.mark.req("C11", "C02", "C03", "C04", "C05")
@pytest.mark.usefixtures("writer")
def test_a_visit_is_on_the_face_before_anything_is_filed(visit: Visit, shown: Shown) -> None:
    """Consent, Media, DocumentReference and both Provenances; no worker and no EHR had a part in it."""
    note_id = signed(visit)

    (consent,), (media,), (note,) = shown("Consent"), shown("Media"), shown("DocumentReference")
    assert note["id"] == note_id
    assert note["docStatus"] == "final"
    related = {each["reference"] for each in note["context"]["related"]}
    assert related == {f"Consent/{consent['id']}", f"Media/{media['id']}"}
    targets = {each["target"][0]["reference"] for each in shown("Provenance")}
    assert targets == {f"DocumentReference/{note_id}"}
    assert {each["id"] for each in shown("Provenance")} == {f"{note_id}-draft", f"{note_id}-signed"}


@pytest.mark.req("C11")
@pytest.mark.usefixtures("writer")
def test_what_lives_in_the_ehr_is_named_by_its_address_there(visit: Visit, shown: Shown) -> None:
    """The face holds no Patient, Encounter, Practitioner or Device: the first three point home, the last is named."""
    signed(visit)
    note = shown("DocumentReference")[0]
    assert note["subject"] == {"reference": f"{ISS}/Patient/carol"}
    assert note["context"]["encounter"] == [{"reference": f"{ISS}/Encounter/visit-1"}]
    assert note["author"][0]["reference"] == f"{ISS}/Practitioner/dr-alice"
    assert note["author"][1]["identifier"]["system"].endswith("/ids/model")
    assert "reference" not in note["author"][1]


@pytest.mark.req("C11")
@pytest.mark.usefixtures("writer")
def test_everything_on_the_face_keeps_the_models_rules(visit: Visit, shown: Shown) -> None:
    """With the references turned back, every resource passes the R4B models and the rule layer."""
    signed(visit)
    site = Site(base=visit.settings.base_url, canonical=visit.settings.canonical_url)
    seen = 0
    for resource_type in sorted(set(face.TYPES.values())):
        for resource in shown(resource_type):
            rules.require(at_home(resource), site)
            seen += 1
    assert seen == 5


def at_home(value: Any) -> Any:
    """Return a resource of the face with references as in the EHR."""
    if isinstance(value, list):
        return [at_home(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "Device" and "identifier" in value:
        more = {name: each for name, each in value.items() if name not in {"type", "identifier"}}
        return {"reference": f"Device/{value['identifier']['value']}", **more}
    if isinstance(value.get("reference"), str):
        return {**value, "reference": value["reference"].removeprefix(f"{ISS}/")}
    return {name: at_home(each) for name, each in value.items()}


@pytest.mark.req("C11", "C02")
@pytest.mark.usefixtures("writer")
def test_a_withdrawal_shows_at_once(visit: Visit, shown: Shown) -> None:
    """The very transaction that withdraws changes what the face shows, with a new version."""
    visit.open()
    consent_id = visit.answer()
    visit.clock.tick(minutes=1)
    visit.withdraw(consent_id)
    (consent,) = shown("Consent")
    assert consent["status"] == "inactive"
    with visit.db.read() as db:
        assert db.get_one(FaceResource, consent_id).version == 2


@pytest.mark.req("C11", "C03")
@pytest.mark.usefixtures("writer")
def test_a_recording_still_has_its_guarded_address_and_never_sound(visit: Visit, shown: Shown) -> None:
    """Media points to the store, which answers 401 and 403; there are no bytes and no transcript on the face."""
    recording_id = (visit.open(), visit.record())[1]
    (media,) = shown("Media")
    assert media["content"]["url"] == f"{visit.settings.base_url}/media/{recording_id}"
    assert "data" not in media["content"]


@pytest.mark.req("C11")
def test_a_change_that_fails_changes_nothing_on_the_face(visit: Visit, writer: FaceWriter, shown: Shown) -> None:
    """Row and face are one transaction: both or neither."""
    visit.open()
    consent_id = visit.answer()

    def broken() -> None:
        with visit.db.begin() as db:
            filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=visit.clock.now())
            writer.write_changed(db)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        broken()
    assert [each["status"] for each in shown("Consent")] == ["active"]


@pytest.mark.req("C11", "T12")
def test_a_fault_of_the_face_never_stops_a_withdrawal_and_hides_what_was(visit: Visit, shown: Shown) -> None:
    """What cannot be built any more is gone from the face, rather than shown as it was; the sweep brings it back."""
    faults: list[Exception] = []

    def models() -> Any:
        if faults:
            raise faults[0]
        return MODELS

    writer = writer_of(visit, models=models)
    writer.follow(visit.db)
    visit.open()
    consent_id = visit.answer()
    faults.append(RuntimeError("a fault of ours"))
    visit.withdraw(consent_id)
    assert shown("Consent") == []
    with visit.db.read() as db:
        kept = face.find(db, visit.seal, "Consent", consent_id)
        assert kept is not None
        assert kept.body is None

    faults.clear()
    assert writer.catch_up(visit.db) == 1
    assert [each["status"] for each in shown("Consent")] == ["inactive"]
    assert writer.catch_up(visit.db) == 0


@pytest.mark.req("C11", "S34")
def test_what_was_there_before_the_face_comes_onto_it(visit: Visit, shown: Shown) -> None:
    """An upgraded site shows its old sessions too, after the next sweep."""
    signed(visit)
    assert shown("DocumentReference") == []
    assert writer_of(visit).catch_up(visit.db) == 5
    assert len(shown("DocumentReference")) == 1


@pytest.mark.req("C11")
@pytest.mark.usefixtures("writer")
def test_no_draft_that_nobody_saved_is_ever_shown(visit: Visit, shown: Shown) -> None:
    """Decision 15: only Save draft to chart and a signature put a note on the face, even if a note were owed else."""
    visit.open()
    visit.answer()
    visit.record()
    visit.end()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    assert [each["docStatus"] for each in shown("DocumentReference")] == ["preliminary"]
    with visit.db.begin() as db:
        db.get_one(Note, note_id).is_saved_to_chart = False
        filings.owe(db, "note", note_id, session_id=visit.session_id, now=visit.clock.now())
    assert shown("DocumentReference") == []


@pytest.mark.usefixtures("writer")
def test_an_unchanged_resource_keeps_its_version(visit: Visit) -> None:
    """A client that asks what changed is not told of what did not."""
    visit.open()
    consent_id = visit.answer()
    visit.clock.tick(hours=1)
    with visit.db.begin() as db:
        filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=visit.clock.now())
    with visit.db.read() as db:
        row = db.get_one(FaceResource, consent_id)
        assert row.version == 1
        assert row.last_updated == visit.clock.now() - timedelta(hours=1)


@pytest.mark.usefixtures("writer")
def test_bodies_are_sealed(visit: Visit) -> None:
    """The database file alone tells nothing of a note."""
    note_id = signed(visit)
    with visit.db.read() as db:
        sealed = db.get_one(FaceResource, note_id).body_sealed
    assert b"resourceType" not in sealed
    assert base64.b64encode(b"## AI Session Summary")[:20] not in sealed


@pytest.mark.usefixtures("writer")
def test_a_session_without_an_encounter_waits_for_one(visit: Visit, shown: Shown) -> None:
    """What cannot be filed for lack of an encounter is not shown either, and the sweep does not try it for ever."""
    visit.open(encounter_id=None)
    visit.answer()
    assert shown("Consent") == []
    assert writer_of(visit).catch_up(visit.db) == 0
    with visit.db.begin() as db:
        db.get_one(TelehealthSession, visit.session_id).encounter_id = "visit-1"
    assert writer_of(visit).catch_up(visit.db) == 1
    assert len(shown("Consent")) == 1


@pytest.mark.req("C11", "C03")
@pytest.mark.usefixtures("writer")
def test_an_erased_recording_turns_into_its_tombstone(visit: Visit, shown: Shown) -> None:
    """No address is left, and the receipt's id stands in its place."""
    visit.open()
    recording_id = visit.record()
    with visit.db.begin() as db:
        row = db.get_one(Recording, recording_id)
        row.erased_at, row.erase_cause, row.key_slot = visit.clock.now(), "signed", None
        db.add(
            tables.Receipt(
                id="receipt-1", session_id=visit.session_id, recording_id=recording_id, body="{}", signature="", hash=""
            )
        )
        filings.owe(db, "media", recording_id, session_id=visit.session_id, now=visit.clock.now())
    (media,) = shown("Media")
    assert "url" not in media["content"]
    assert "receipt-1" in media["note"][1]["text"]
