"""The adapter for a stock OpenEMR against the poor server: a document once, where it belongs, or a clear error."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smart_app.chart import openemr_texts as texts
from smart_app.chart.openemr import OpenEmrChart
from smart_app.errors import ChartRefused, ChartsideError, ChartUnreachable
from smart_app.note import encounters
from smart_app.ports import Chart
from tests.chart.openemr_cast import OneToken, consent, media, note, notice
from tests.conftest import FrozenClock
from tests.fakes.real_charts import real_charts
from tests.peers.openemr_like.process import STOCK_SCOPE, OpenEmrLike

Make = Callable[..., Chart]
UPLOAD = {"method": "POST", "path": "/document$"}


@pytest.fixture
def make(openemr: OpenEmrLike, clock: FrozenClock) -> Make:
    """Make the chart of a user's launch."""

    def chart(username: str = "alice", *, scope: str = "", has_soap_note: bool = False) -> Chart:
        tokens = OneToken(ehr=openemr, token=openemr.token_of(username, scope), patient_id=openemr.patient()["uuid"])
        with_soap_note = frozenset({openemr.fhir_url} if has_soap_note else ())
        return real_charts(tokens, clock, soap_note_at=with_soap_note).for_grant("grant-1")

    return chart


def refused(code: str, act: Callable[[], Any], kind: type[ChartsideError] = ChartRefused) -> ChartsideError:
    """Run it and return the error it must end in."""
    with pytest.raises(kind) as found:
        act()
    assert found.value.code == code
    return found.value


def documents(ehr: OpenEmrLike) -> list[dict[str, Any]]:
    """Return the files that are there, lost ones too."""
    return list(ehr.stored()["documents"])


@pytest.mark.req("C04", "C06", "T16")
def test_a_signed_note_is_a_document_that_clinician_and_clients_find(make: Make, openemr: OpenEmrLike) -> None:
    """In the category that the chart shows, of this patient, and under the id that FHIR clients see."""
    filed = make().create(note(openemr))
    (kept,) = documents(openemr)
    assert filed.way == "document"
    assert (kept["pid"], kept["category"], kept["mimetype"]) == (
        openemr.patient()["pid"],
        "medical record",
        "text/plain",
    )
    assert filed.id == kept["uuid"]
    assert kept["hash"] == hashlib.sha3_512(kept["text"].encode()).hexdigest()
    assert "She sleeps better." in kept["text"]
    assert texts.marker(note(openemr)) in kept["text"]


@pytest.mark.req("T16")
def test_the_visit_goes_along_where_the_login_may_ask_for_it(make: Make, openemr: OpenEmrLike) -> None:
    """Physicians may read encounters, stock Clinicians may not: theirs is filed without one, and not asked again."""
    make("bob").create(note(openemr, "by-bob"))
    alice = make("alice")
    alice.create(note(openemr, "by-alice"))
    alice.create(note(openemr, "by-alice-2"))
    assert [each["encounter"] for each in documents(openemr)] == [openemr.encounter()["eid"], 0, 0]
    asked = [each for each in openemr.stored()["requests"] if "/api/" in each and "/encounter/" in each]
    assert len(asked) == 2


@pytest.mark.req("G02", "T16")
@pytest.mark.parametrize("step", [{"status": 500}, {"status": 502, "body": "<html>"}, {"status": 504}])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_lost_answer_leaves_one_document(
    make: Make, openemr: OpenEmrLike, step: dict[str, Any], is_after: bool
) -> None:
    """The hash tells whether it is there; never a second file."""
    chart = make()
    openemr.faults(plan=[{**UPLOAD, **step, "is_after": is_after}])
    if not is_after:
        refused("ehr_failed", lambda: chart.create(note(openemr)), ChartUnreachable)
        assert documents(openemr) == []
    first = chart.create(note(openemr))
    again = chart.create(note(openemr))
    assert first.id == again.id
    assert len(documents(openemr)) == 1


@pytest.mark.req("T16", "M04")
def test_true_is_no_success(make: Make, openemr: OpenEmrLike) -> None:
    """OpenEMR says 200 `true` for what it lost: said so, never `filed`."""
    chart = make()
    openemr.faults(plan=[{**UPLOAD, "status": 200, "body": "true"}])
    error = refused("lost", lambda: chart.create(note(openemr)))
    assert "Copy the text" in error.todo


@pytest.mark.req("C06")
def test_a_refused_category_switches_documents_off(make: Make, openemr: OpenEmrLike) -> None:
    """The empty 404 of an upload: no such category or type. Not asked again, the note stays here."""
    chart = make()
    openemr.faults(plan=[{**UPLOAD, "status": 404}])
    refused("not_offered", lambda: chart.create(note(openemr)))
    assert not chart.takes("DocumentReference")
    refused("not_offered", lambda: chart.create(note(openemr)))
    assert documents(openemr) == []


@pytest.mark.req("T16", "T04", "M04")
def test_nothing_is_written_into_another_chart(make: Make, openemr: OpenEmrLike) -> None:
    """The standard API does not bind a login to its patient, so the adapter does."""
    chart = make()
    of_jonas = {**note(openemr), "subject": {"reference": f"Patient/{openemr.patient('Jonas')['uuid']}"}}
    refused("other_chart", lambda: chart.create(of_jonas))
    assert documents(openemr) == []


@pytest.mark.req("T16", "M04")
def test_the_document_must_stand_in_its_visit(make: Make, openemr: OpenEmrLike) -> None:
    """Read back through FHIR, the encounter is compared."""
    resource = note(openemr)
    chart = make("bob")
    chart.create(resource)
    other = openemr.control("encounter", pid=openemr.patient()["pid"], by="bob")
    resource["context"]["encounter"][0]["reference"] = f"Encounter/{other['uuid']}"
    refused("wrong_chart", lambda: chart.create(resource))
    assert len(documents(openemr)) == 1


@pytest.mark.req("T16", "T01")
@pytest.mark.parametrize("fault", [{"search_foreign": True}, {"foreign_host": "https://evil.example/fhir"}])
def test_what_a_search_says_of_others_is_not_believed(make: Make, openemr: OpenEmrLike, fault: dict[str, Any]) -> None:
    """Another patient's resources and addresses elsewhere are passed over; the file itself proves that it is there."""
    openemr.faults(**fault)
    filed = make().create(note(openemr))
    (kept,) = documents(openemr)
    assert filed.id == (kept["uuid"] if "search_foreign" in fault else f"document-{kept['id']}")


@pytest.mark.req("C02", "B02")
def test_a_consent_is_a_receipt_and_a_withdrawal_another(make: Make, openemr: OpenEmrLike) -> None:
    """Both stay readable in the chart, each once."""
    chart = make()
    filed = chart.create(consent(openemr))
    again = chart.update(consent(openemr, status="inactive"), filed)
    chart.update(consent(openemr, status="inactive"), again)
    agreed, withdrawn = (each["text"] for each in documents(openemr))
    assert agreed.startswith("Consent to record a session: AGREED")
    assert "Dr Alice asks & records." in agreed
    assert withdrawn.startswith("Consent to record a session: WITHDRAWN")
    assert "Withdrawn: 2026-11-22T06:30:00Z" in withdrawn


@pytest.mark.req("S29")
def test_the_notice_is_a_message_to_the_clinician(make: Make, openemr: OpenEmrLike) -> None:
    """By the name that OpenEMR signs its users in with; no patient's name, no clinical word."""
    filed = make().create(notice(openemr))
    (kept,) = openemr.stored()["messages"]
    assert (filed.way, filed.id) == ("message", kept["mid"])
    assert (kept["to"], kept["message_status"]) == ("alice", "New")
    assert kept["body"] == "Your session summary is ready for review"
    assert "Maya" not in str(kept)


@pytest.mark.req("G02")
def test_a_message_whose_answer_was_lost_is_not_sent_twice(make: Make, openemr: OpenEmrLike) -> None:
    """OpenEMR lists no messages, so it cannot be told; the notice in Chartside is there anyway."""
    chart = make()
    openemr.faults(plan=[{"method": "POST", "path": "/message$", "status": 500, "is_after": True}])
    assert chart.create(notice(openemr)).way == "unconfirmed"
    assert len(openemr.stored()["messages"]) == 1


@pytest.mark.req("T16")
def test_a_map_of_faults_with_200_is_no_message(make: Make, openemr: OpenEmrLike) -> None:
    """OpenEMR answers invalid input with 200."""
    chart = make()
    body = '{"body": {"LengthBetween::TOO_SHORT": "body must be 2 characters or longer"}}'
    openemr.faults(plan=[{"method": "POST", "path": "/message$", "status": 200, "body": body}])
    refused("not_accepted", lambda: chart.create(notice(openemr)))


@pytest.mark.req("C06")
def test_it_takes_each_thing_by_its_own_right(make: Make, openemr: OpenEmrLike) -> None:
    """Documents and messages by their scopes; Media, Provenance, Device and the like stay in Chartside."""
    chart = make()
    assert isinstance(chart, OpenEmrChart)
    assert [kind for kind in ("DocumentReference", "Consent", "Communication") if not chart.takes(kind)] == []
    kept = ("Media", "Provenance", "Device", "AuditEvent", "Questionnaire", "Task")
    assert [kind for kind in kept if chart.takes(kind) or chart.takes(kind, "update")] == []
    refused("not_offered", lambda: chart.create(media(openemr)))
    without = make(scope=STOCK_SCOPE.replace(" user/document.crs", ""))
    assert not without.takes("DocumentReference")
    assert without.takes("Communication")


def test_a_draft_stays_here(make: Make, openemr: OpenEmrLike) -> None:
    """Nothing in OpenEMR can be taken back."""
    refused("not_offered", lambda: make().create(note(openemr, doc_status="preliminary")))
    assert documents(openemr) == []


@pytest.mark.req("C04")
def test_an_amendment_names_the_document_it_replaces(make: Make, openemr: OpenEmrLike) -> None:
    """The old one stays as it was signed; saying that it is superseded changes nothing there."""
    chart = make()
    old = chart.create(note(openemr))
    amended = {**note(openemr, "n2", doc_status="amended"), "relatesTo": [{"target": {"reference": old.reference}}]}
    chart.create(amended)
    assert chart.update(note(openemr, status="superseded"), old) == old
    first, second = documents(openemr)
    assert f"Replaces: DocumentReference/{first['uuid']}" in second["text"]


def test_the_soap_note_is_extra_and_once(make: Make, openemr: OpenEmrLike) -> None:
    """Only where the admin wants it, under OpenEMR's own headings, found again by its marker."""
    make("bob").create(note(openemr, "plain"))
    assert openemr.stored()["soap_notes"] == []
    chart = make("bob", has_soap_note=True)
    assert chart.create(note(openemr)).way == "document+soap"
    chart.create(note(openemr))
    (kept,) = openemr.stored()["soap_notes"]
    assert (kept["pid"], kept["eid"]) == (str(openemr.patient()["pid"]), str(openemr.encounter()["eid"]))
    assert kept["subjective"].endswith("She sleeps better.")
    assert kept["plan"].startswith("See her in a week.")
    openemr.faults(plan=[{"method": "POST", "path": "/soap_note$", "status": 200, "body": '{"plan": {}}'}])
    assert chart.create(note(openemr, "n4")).way == "document", "200 is no proof"
    make("alice", has_soap_note=True).create(note(openemr, "n3"))
    assert len(openemr.stored()["soap_notes"]) == 1, "she may not read encounters: the document stands alone"
    assert len(documents(openemr)) == 4


@pytest.mark.req("C06", "C07")
def test_the_visits_of_a_week_are_found_there(make: Make, openemr: OpenEmrLike) -> None:
    """As a Clinicians user: the seeded visit around its day, nothing a month later."""
    chart, patient, visit = make(), openemr.patient()["uuid"], openemr.encounter()["uuid"]
    start = chart.read("Encounter", visit)["period"]["start"]
    at = datetime.fromisoformat(start)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    assert visit in [each.id for each in encounters.near(chart, patient, at + timedelta(days=3))]
    assert visit not in [each.id for each in encounters.near(chart, patient, at + timedelta(days=30))]
