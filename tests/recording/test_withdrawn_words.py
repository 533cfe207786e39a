"""Where the words of a withdrawn recording could live on: a note being signed, an addendum, the chart's own version."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smart_app.errors import VaultError
from smart_app.note import material
from smart_app.store import filings, tables
from tests.conftest import FrozenClock
from tests.export.conftest import sign
from tests.fakes.room import Visit
from tests.fakes.site import Site, whole_site

pytestmark = pytest.mark.req("B02")
SAID = "four hours a night"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A whole site with its sandbox EHR."""
    with whole_site(tmp_path / "data", FrozenClock()) as made:
        yield made


@pytest.fixture
def visit(site: Site) -> Visit:
    """A session that was held, with its summary."""
    held = site.held()
    site.work()
    return held


def draft(visit: Visit) -> str:
    """Create a note; it holds the summary."""
    return str(visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"])


def revision_of(visit: Visit, note_id: str) -> int:
    """Return what the page would send."""
    return int(visit.alice.get(f"/notes/{note_id}/content").get_json()["revision"])


def row(site: Site, note_id: str) -> tables.Note:
    """Return the note's row."""
    with site.db.read() as db:
        return db.get_one(tables.Note, note_id)


def words(site: Site, note_id: str) -> str:
    """Return what of the note may be filed."""
    return str(material.elements_for_filing(site.seal, row(site, note_id)))


def full_key_disk(_: int) -> None:
    """Stand in for a key store that cannot be written."""
    raise VaultError("key_disk", "The key store cannot be written.", "Free space.")


def withdraw(visit: Visit) -> int:
    """Withdraw as the client; return the status."""
    return int(visit.carol.post(f"/room/{visit.id}/withdraw").status_code)


@pytest.mark.req("D03", "B03")
def test_a_withdrawal_that_is_not_finished_cannot_be_signed_away(site: Site, visit: Visit) -> None:
    """The key store is full: the words go all the same, nothing is filed or filled, and the receipt tells the truth."""
    note_id = draft(visit)
    site.keep_all(note_id)
    slots: Any = site.kit.vault._slots  # type: ignore[attr-defined]
    destroy, slots.destroy = slots.destroy, full_key_disk
    assert withdraw(visit) == 500
    assert SAID not in words(site, note_id)
    revision = revision_of(visit, note_id)
    for act in ("sign", "save-to-chart", "insert"):
        refused = visit.alice.post(f"/notes/{note_id}/{act}", {"attests": True, "revision": revision})
        assert (refused.status_code, refused.get_json()["code"]) == (409, "withdrawal_unfinished"), act
    assert SAID not in words(site, draft(visit))
    site.kit.steps.sweep()
    with site.db.read() as db:
        assert '"withdrawal"' not in str([each.body for each in db.query(tables.Receipt)]), "no proof before its deed"
    assert revision_of(visit, note_id) == revision, "a repeat leaves the clinician's page as it is"
    slots.destroy = destroy
    site.kit.steps.sweep()
    assert row(site, note_id).status == "draft"
    with site.db.read() as db:
        assert {each.sealed for each in db.query(tables.Summary)} == {None}
        last = json.loads(db.query(tables.Receipt).order_by(tables.Receipt.number.desc()).first().body)  # type: ignore[union-attr]
    assert (last["kind"], last["erased"]) == ("withdrawal", ["audio", "transcript", "unsigned drafts"])


@pytest.mark.req("D03")
def test_nothing_is_filled_while_a_crash_has_left_the_summary(site: Site, visit: Visit) -> None:
    """The server died right after the first step: a note created before the sweep holds nothing of the summary."""
    with site.db.begin() as db:
        db.query(tables.RecordingConsent).one().withdrawn_at = site.clock.now()
    note_id = draft(visit)
    assert SAID not in words(site, note_id)
    refused = visit.alice.post(f"/notes/{note_id}/insert", {"revision": revision_of(visit, note_id)})
    assert refused.get_json()["code"] == "withdrawal_unfinished"


@pytest.mark.req("B16", "D18")
def test_an_addendum_begun_before_keeps_the_signed_text_in_the_record(site: Site, visit: Visit) -> None:
    """Decision 18: the signed note stays in the record, in the version that replaces it too."""
    signed = sign(site, visit)
    addendum = visit.alice.post(f"/notes/{signed}/addendum").get_json()["note_id"]
    version = row(site, signed).summary_version
    assert withdraw(visit) == 200
    edit = {"link_id": "addendum", "text": "One more thing.", "parts": {}}
    body = {"revision": revision_of(visit, addendum), "elements": [edit]}
    revision = visit.alice.ok(f"/notes/{addendum}/save", body)["revision"]
    visit.alice.ok(f"/notes/{addendum}/sign", {"attests": True, "revision": revision})
    site.work(pulses=4)
    assert row(site, signed).status == "superseded"
    assert SAID in words(site, addendum)
    assert row(site, addendum).summary_version == version


def save_to_chart(site: Site, visit: Visit, note_id: str) -> None:
    """Save the draft to the chart, and file it."""
    visit.alice.ok(f"/notes/{note_id}/save-to-chart", {"revision": revision_of(visit, note_id)})
    site.work(pulses=10)


def changed_there(site: Site, **over: Any) -> dict[str, Any]:
    """Let a colleague add a line to the draft in the EHR; return what it holds."""
    (held,) = site.ehr.of_type("DocumentReference")
    content = held["content"][0]["attachment"]
    content["data"] = base64.b64encode(base64.b64decode(content["data"]) + b"\nseen").decode()
    held["meta"]["versionId"] = "99"
    held.update(over)
    return held


def theirs(site: Site, note_id: str) -> tuple[str, bytes | None]:
    """Return why the note's filing waits, and what it keeps of the chart's version."""
    with site.db.read() as db:
        found = filings.find(db, "note", note_id)
        assert found is not None
        return found.parked, found.theirs_sealed


@pytest.mark.req("D03", "M09", "T16")
@pytest.mark.parametrize("is_known", [True, False], ids=["seen before", "seen by the withdrawal"])
def test_a_draft_that_was_changed_in_the_chart_goes_too(site: Site, visit: Visit, *, is_known: bool) -> None:
    """Whoever touched it since: it becomes entered-in-error without its AI text, and no copy of theirs is kept."""
    note_id = draft(visit)
    save_to_chart(site, visit, note_id)
    changed_there(site)
    if is_known:
        save_to_chart(site, visit, note_id)
        assert theirs(site, note_id)[0] == "changed_in_chart"
        assert theirs(site, note_id)[1] is not None
    assert withdraw(visit) == 200
    assert theirs(site, note_id)[1] is None
    site.work(pulses=10)
    (held,) = site.ehr.of_type("DocumentReference")
    assert held["status"] == "entered-in-error"
    assert SAID not in base64.b64decode(held["content"][0]["attachment"]["data"]).decode()
    assert theirs(site, note_id) == ("", None)
    page = site.page(f"/notes/{note_id}")
    assert SAID not in page
    assert "the draft in the chart is marked as entered in error" in page


@pytest.mark.req("D03", "D18", "T16")
def test_a_draft_that_somebody_signed_in_the_chart_is_named(site: Site, visit: Visit) -> None:
    """What is signed there is not overwritten: page and diagnosis leave it to the clinician; no copy is kept here."""
    note_id = draft(visit)
    save_to_chart(site, visit, note_id)
    changed_there(site, docStatus="final")
    assert withdraw(visit) == 200
    site.work(pulses=10)
    assert site.ehr.of_type("DocumentReference")[0]["status"] == "current"
    assert theirs(site, note_id) == ("left_in_chart", None)
    assert "Take the AI-drafted text out in the EHR" in site.causes(visit)["left_in_chart"]["why"]
    page = site.page(f"/notes/{note_id}")
    assert "is not marked as entered in error yet" in page
    assert "Take the AI-drafted text out in the EHR" in page
    with site.db.read() as db:
        last = json.loads(db.query(tables.Receipt).order_by(tables.Receipt.number.desc()).first().body)  # type: ignore[union-attr]
    assert last["owed_to_chart"] == 1
