"""The administrators' pages of the trail and of receipts, and the clinician's receipts, over a whole visit."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from plugin.cli import make_parser
from smart_app.errors import AuditUnavailable
from smart_app.store import audit_lines, trail
from smart_app.store.tables import AuditLine, TelehealthSession
from tests.audit.conftest import BROKEN
from tests.conftest import FrozenClock
from tests.fakes.room import Visit
from tests.fakes.site import ENOUGH, Site, whole_site


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Visit]]:
    """A recorded session after Carol withdrew; its sound is erased, with receipts."""
    clock = FrozenClock()
    with whole_site(tmp_path_factory.mktemp("site"), clock) as site:
        visit = site.held()
        site.work()
        site.page("/chart")
        visit.carol.ok(f"/room/{visit.id}/withdraw")
        yield site, visit


def lines(site: Site, query: str = "") -> list[dict[str, object]]:
    """Return the events that a download holds."""
    answer = site.browser.get(f"/admin/audit.ndjson{query}")
    assert (answer.status_code, answer.mimetype) == (200, "application/fhir+ndjson")
    return [json.loads(row) for row in answer.text.splitlines()]


def acts(events: list[dict[str, object]]) -> set[str]:
    """Return Chartside's words for what the events tell."""
    return {str(event["entity"][0]["detail"][0]["valueString"]) for event in events}  # type: ignore[index]


@pytest.mark.req("C10", "T12")
def test_every_line_of_a_visit_is_a_fhir_audit_event(held: tuple[Site, Visit]) -> None:
    """R4 by fhir.resources, and by our own rules, which the export itself asks; each names its place in the chain."""
    site, _ = held
    events = lines(site)
    for event in events:
        AuditEvent.model_validate(event)
    numbers = [event["id"] for event in events]
    assert numbers == [f"line-{number}" for number in range(1, len(events) + 1)]
    assert {"launch.finished", "session.start", "consent.agree", "recording.start", "grant.issue"} <= acts(events)
    assert {"summary.drafted", "consent.withdraw", "recording.erase", "consent.withdrawn"} <= acts(events)


@pytest.mark.req("C10", "T11")
def test_no_line_holds_a_name_or_what_was_said(held: tuple[Site, Visit]) -> None:
    """Ids alone: no name of the chart or the room, no sentence of the session."""
    site, _ = held
    with site.db.read() as db:
        told = " ".join(json.dumps([row.actor, row.action, row.subject, row.detail]) for row in db.query(AuditLine))
    assert not [word for word in ("Carol", "Alice", "Example", "sertraline") if word in told]
    assert not any(sentence.strip()[:25] in told for sentence in ENOUGH.split(".") if sentence.strip())


@pytest.mark.req("C10")
def test_every_act_of_a_session_names_its_client(held: tuple[Site, Visit]) -> None:
    """Found by the subject's id, so that no caller can forget it."""
    site, visit = held
    with site.db.read() as db:
        patient = db.get_one(TelehealthSession, visit.id).patient_id
        of_session = [row for row in db.query(AuditLine) if row.detail.get("session") == visit.id]
        about_nobody = {row.action for row in db.query(AuditLine) if row.patient_id is None}
    assert len(of_session) > 10
    assert {row.patient_id for row in of_session} == {patient}
    assert {each.split(".")[0] for each in about_nobody} <= {
        "audit",
        "ai_consent",
        "site",
        "receipt",
        "browser",
        "trail",
    }


@pytest.mark.req("C10")
def test_lines_are_found_by_client_clinician_kind_and_day(held: tuple[Site, Visit]) -> None:
    """Each filter of the page and of the download."""
    site, visit = held
    with site.db.read() as db:
        patient = db.get_one(TelehealthSession, visit.id).patient_id
    assert acts(lines(site, "?kind=consent")) == {
        "consent.ask",
        "consent.agree",
        "consent.withdraw",
        "consent.withdrawn",
    }
    assert acts(lines(site, "?kind=consent.agree")) == {"consent.agree"}
    assert lines(site, f"?patient={patient}&kind=recording")
    assert lines(site, "?patient=nobody&kind=consent") == []
    assert acts(lines(site, "?patient=nobody")) == {"audit.exported"}, "who looked for a client is found by that client"
    mine = lines(site, f"?actor={site.people['alice'].fhir_user}&kind=session")
    assert acts(mine) >= {"session.start"}
    assert lines(site, "?since=2026-11-22&until=2026-11-22")
    assert lines(site, "?until=2026-11-21") == []
    page = site.page(f"/admin/audit?patient={patient}&kind=consent")
    assert "agreed to recording" in page
    assert "No line fits" in site.page("/admin/audit?patient=nobody&kind=note")
    wrong = site.browser.get("/admin/audit?since=yesterday", headers={"Accept": "text/html"})
    assert (wrong.status_code, "is no day" in wrong.text) == (400, True)


@pytest.mark.req("C10")
def test_a_long_trail_comes_in_pages(held: tuple[Site, Visit]) -> None:
    """Older and newer lines, none twice and none left out; looking is a line as well."""
    site, _ = held
    with site.db.begin() as db:
        for number in range(60):
            audit_lines.append(db, at=site.clock.now(), actor="x", action="test.line", subject=f"t{number}")
    first = site.page("/admin/audit?kind=test")
    assert ("Older lines" in first, "Newer lines" in first) == (True, False)
    with site.db.read() as db:
        wanted = trail.Wanted(kind="test")
        newest = trail.page(db, wanted, size=50)
        oldest = trail.page(db, wanted, before=newest[-1].number, size=50)
        back = trail.page(db, wanted, after=oldest[0].number, size=50)
    assert [len(newest), len(oldest)] == [50, 10]
    assert back == newest
    second = site.page(f"/admin/audit?kind=test&before={newest[-1].number}")
    assert ("Older lines" in second, "Newer lines" in second) == (False, True)
    assert "looked at the audit trail" in site.page("/admin/audit?kind=audit")


@pytest.mark.req("C10", "T12")
def test_the_trail_is_checked_by_a_button(held: tuple[Site, Visit]) -> None:
    """Whole after a whole visit, on every line of every room."""
    site, _ = held
    answer = site.browser.post("/admin/audit/verify")
    assert answer.status_code == 200
    assert "Every line is as it was written, and none is missing." in answer.text


@pytest.mark.req("B03")
def test_clinician_and_administrator_can_take_receipts_along(
    held: tuple[Site, Visit], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the pages give is what `chartside verify` finds genuine: erasure and withdrawal, and the whole chain."""
    site, visit = held
    key = site.kit.signer.public_key
    page = site.page(f"/sessions/{visit.id}/receipts")
    assert "everything made from a consent that was taken back was erased" in page
    assert "a recording was erased at" in page
    assert f"/sessions/{visit.id}/receipts" in site.page("/chart")
    assert "Download the whole chain" in site.page("/admin/receipts")
    downloads = {f"/sessions/{visit.id}/receipts.json": "mine.json", "/admin/receipts.jsonl": "receipts.jsonl"}
    for path, name in downloads.items():
        (tmp_path / name).write_text(site.browser.get(path).text)
        asked = make_parser().parse_args(["verify", str(tmp_path / name), "--public-key", key, "--json"])
        assert asked.run(asked) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["receipts"], {one["code"] for one in told["findings"]}) == (2, {"signed"})
    assert "slot-" not in (tmp_path / "mine.json").read_text()


@pytest.mark.req("T12", "G19")
def test_requests_are_refused_while_the_trail_cannot_be_written(tmp_path: Path) -> None:
    """Over HTTP: 503, and the database holds what it held."""
    with whole_site(tmp_path, FrozenClock()) as site:
        with site.db.engine.begin() as connection:
            connection.exec_driver_sql(BROKEN)
        asked = [("GET", "/chart"), ("POST", "/sessions"), ("GET", "/admin/audit"), ("GET", "/admin/quality.csv")]
        asked += [("GET", "/admin/audit.ndjson"), ("GET", "/admin/receipts.jsonl"), ("POST", "/admin/audit/verify")]
        answers = [site.browser.open(path, method=method) for method, path in asked]
        assert {answer.status_code for answer in answers} == {AuditUnavailable.status}
        with site.db.read() as db:
            assert db.query(TelehealthSession).count() == 0
