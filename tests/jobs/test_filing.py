"""What is owed to the chart gets there exactly once, and what the EHR does not take is said."""

import pytest

from smart_app.errors import ChartRefused
from smart_app.jobs.filing import Filer
from smart_app.ports import Filed, Resource
from smart_app.store import filings
from smart_app.store.tables import Participant
from tests.fakes.chart import FakeChart, FakeCharts
from tests.jobs.cast import Visit
from tests.jobs.outbox import due, filer_of, whole_visit, work


@pytest.mark.req("C02", "C03", "C04", "C05")
def test_it_files_a_whole_visit_each_resource_once(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Consent, Media, DocumentReference, two Provenances and the Device they name; whatever was owed first."""
    consent_id, recording_id, note_id = whole_visit(visit)

    work(visit, filer)

    kinds = sorted(each["resourceType"] for each in chart.resources.values())
    assert kinds == ["Consent", "Device", "DocumentReference", "Media", "Provenance", "Provenance"]
    note = chart.of_type("DocumentReference")[0]
    related = {each["reference"] for each in note["context"]["related"]}
    assert related >= {
        f"Consent/{visit.filing('consent', consent_id).resource_id}",
        f"Media/{visit.filing('media', recording_id).resource_id}",
    }
    assert note["docStatus"] == "final"
    assert {each["target"][0]["reference"] for each in chart.of_type("Provenance")} == {
        f"DocumentReference/{visit.filing('note', note_id).resource_id}"
    }
    assert due(visit) == []


def test_it_files_the_device_before_the_consent_that_names_it(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """What a resource refers to is owed by itself and filed first; the waiting costs no try."""
    visit.open()
    consent_id = visit.answer()

    filer.run(visit.filing("consent", consent_id).id)
    assert visit.filing("consent", consent_id).attempts == 0
    assert chart.resources == {}
    work(visit, filer)

    created = [kind for operation, kind in chart.calls if operation == "create"]
    assert created == ["Device", "Consent"]


@pytest.mark.req("C02", "B04")
@pytest.mark.parametrize(
    ("role", "performer"), [("client", "Patient/"), ("guardian", "Guardian"), ("partner", "Partner")]
)
def test_a_consent_names_who_answered(visit: Visit, filer: Filer, chart: FakeChart, role: str, performer: str) -> None:
    """A partner's or a guardian's answer is theirs: never filed as the patient's own."""
    visit.open()
    with visit.db.begin() as db:
        db.get_one(Participant, visit.client_part_id).role = role
    visit.answer()
    work(visit, filer)
    (named,) = chart.of_type("Consent")[0]["performer"]
    assert named.get("reference", named.get("display")).startswith(performer)
    assert ("reference" in named) == (role == "client")


def test_a_declined_consent_needs_no_device(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A decline names neither the clinician nor a device, so it waits for nothing."""
    visit.open()
    visit.answer("rejected")
    work(visit, filer)
    assert [each["status"] for each in chart.of_type("Consent")] == ["rejected"]
    assert chart.of_type("Device") == []


def test_it_owes_what_a_note_refers_to_and_nobody_owed(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A note whose Media was never owed does not wait for ever."""
    _consent, recording_id, _note = whole_visit(visit)
    with visit.db.begin() as db:
        db.delete(filings.find(db, "media", recording_id))
    work(visit, filer)
    assert len(chart.of_type("Media")) == 1
    assert len(chart.of_type("DocumentReference")) == 1


@pytest.mark.req("B02")
def test_a_withdrawal_updates_the_consent_that_was_filed(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """One Consent, active and then inactive; never a second one."""
    visit.open()
    consent_id = visit.answer()
    work(visit, filer)
    visit.withdraw(consent_id)
    work(visit, filer)
    assert [each["status"] for each in chart.of_type("Consent")] == ["inactive"]
    assert chart.calls[-1] == ("update", "Consent")


def test_a_draft_becomes_the_final_note_in_place(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """Saved to the chart as preliminary, then signed: the same DocumentReference (decision 15)."""
    visit.open()
    visit.answer()
    visit.record()
    visit.summarise()
    note_id = visit.write_note(is_signed=False)
    work(visit, filer)
    assert [each["docStatus"] for each in chart.of_type("DocumentReference")] == ["preliminary"]
    visit.sign(note_id)
    work(visit, filer)
    assert [each["docStatus"] for each in chart.of_type("DocumentReference")] == ["final"]


def test_a_change_during_the_filing_is_filed_afterwards(visit: Visit, chart: FakeChart) -> None:
    """The row changes between reading it and the chart's answer: it stays owed, and the chart ends with the change."""
    visit.open()
    consent_id = visit.answer()

    class Withdrawing(FakeChart):
        """Lets the client withdraw while the Consent is on its way."""

        def create(self, resource: Resource) -> Filed:
            if resource["resourceType"] == "Consent":
                visit.withdraw(consent_id)
            return super().create(resource)

    slow = Withdrawing()
    work(visit, filer_of(visit, FakeCharts(slow)))
    assert [each["status"] for each in slow.of_type("Consent")] == ["inactive"]
    row = visit.filing("consent", consent_id)
    assert (row.done, row.wanted) == (2, 2)


def test_a_refusal_of_the_old_version_does_not_park_the_new_one(visit: Visit) -> None:
    """The row was owed anew while the chart refused: the new version is tried at once."""
    visit.open()
    consent_id = visit.answer("rejected")

    class Refusing(FakeChart):
        """Refuses the first Consent, after the row behind it changed."""

        has_refused = False

        def create(self, resource: Resource) -> Filed:
            if not self.has_refused:
                self.has_refused = True
                with visit.db.begin() as db:
                    filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=visit.clock.now())
                raise ChartRefused("not_accepted", "The EHR did not accept the Consent.")
            return super().create(resource)

    chart = Refusing()
    work(visit, filer_of(visit, FakeCharts(chart)))
    assert len(chart.of_type("Consent")) == 1
    assert visit.filing("consent", consent_id).parked == ""


def test_two_changes_at_once_are_both_counted(visit: Visit) -> None:
    """`wanted` is raised in SQL: a stale reader's raise cannot make a change look filed."""
    visit.open()
    consent_id = visit.answer("rejected")
    now = visit.clock.now()
    with visit.db.read() as stale:
        row = filings.find(stale, "consent", consent_id)
        assert row is not None
        assert row.wanted == 1
    with visit.db.begin() as db:
        filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=now)
    with visit.db.begin() as db:
        db.add(row)  # still says 1
        filings.owe(db, "consent", consent_id, session_id=visit.session_id, now=now)
    assert visit.filing("consent", consent_id).wanted == 3


@pytest.mark.req("C06")
@pytest.mark.parametrize("is_stated", [True, False])
def test_a_server_without_media_still_gets_the_note(
    visit: Visit, filer: Filer, chart: FakeChart, is_stated: bool
) -> None:
    """Media is kept here, and the note names it by identifier; also when only the refusal told us (404, 405, 501)."""
    chart.off.add(("Media", "create"))
    if not is_stated:
        chart.takes = lambda resource_type, operation="create": True  # type: ignore[method-assign]
    _consent, recording_id, _note = whole_visit(visit)

    work(visit, filer)

    assert visit.filing("media", recording_id).parked == filings.NOT_TAKEN
    related = chart.of_type("DocumentReference")[0]["context"]["related"]
    media = [each for each in related if each.get("type") == "Media"]
    assert [each["identifier"]["value"] for each in media] == [recording_id]
    assert due(visit) == []


def test_it_says_that_an_update_is_not_taken(visit: Visit, filer: Filer, chart: FakeChart) -> None:
    """A server that creates and does not update: the withdrawal is kept here, with words."""
    chart.off.add(("Consent", "update"))
    visit.open()
    consent_id = visit.answer()
    work(visit, filer)
    visit.withdraw(consent_id)
    work(visit, filer)
    row = visit.filing("consent", consent_id)
    assert row.parked == filings.NOT_TAKEN
    assert "kept in Chartside" in row.public
