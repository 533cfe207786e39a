"""What an erasure request removes, keeps and why; done once, as shown, with receipts (B02, B03, T12)."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smart_app.errors import Conflict, VaultError
from smart_app.export.command import of_kit
from smart_app.export.erasure import Eraser
from smart_app.ports import Vault
from smart_app.recording.keyslots import KeySlots
from smart_app.session import State
from smart_app.store import consents, details, launches, sessions
from smart_app.store.tables import (
    AuditLine,
    BrowserSession,
    Note,
    Receipt,
    RecordingConsent,
    SessionDetail,
    Summary,
    TelehealthSession,
    Transcript,
)
from tests.audit.conftest import BROKEN
from tests.conftest import FrozenClock
from tests.export.conftest import PATIENT, Clinic
from tests.fakes.room import Side, Visit, open_visit
from tests.fakes.site import Site, sound_chunk, whole_site

ERIN = "Practitioner/erin"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site where nothing has happened yet."""
    with whole_site(tmp_path / "data", FrozenClock()) as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Clinic]:
    """A site of the test's own, with the one visit of which nothing is signed."""
    with whole_site(tmp_path / "data", FrozenClock()) as site:
        visit = site.held()
        site.work(pulses=2)
        visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})
        yield Clinic(site=site, signed=visit, declined=visit, unsigned=visit)


def code_of(clinic: Clinic) -> str:
    """Look at the preview and return what stands for it."""
    page = clinic.post("/erasure")
    assert page.status_code == 200
    found = re.search(r'name="code" value="(\w+)"', page.text)
    return found[1] if found else ""


def confirm(clinic: Clinic, code: str, again: str = PATIENT) -> tuple[int, str]:
    """Confirm; return status and page."""
    answer = clinic.post("/erasure/confirm", code=code, again=again)
    return answer.status_code, answer.text


def answers_of(clinic: Clinic, session_id: str) -> set[str]:
    """Return how the session's consents stand."""
    return answers_in(clinic.site, session_id)


def answers_in(site: Site, session_id: str) -> set[str]:
    """Return how the session's consents stand."""
    with site.db.read() as db:
        return {row.status for row in db.query(RecordingConsent).filter_by(session_id=session_id)}


def test_the_preview_says_why_each_thing_stays(clinic: Clinic) -> None:
    """What goes in figures, what stays with its reason."""
    page = clinic.post("/erasure").text
    for words in ("Consents and what was answered (3)", "Six years at least", "Signed notes (1)", "by its own rules"):
        assert words in page


@pytest.mark.req("B02", "B03", "M09")
def test_a_request_erases_what_was_shown_once_and_keeps_the_rest(clinic: Clinic) -> None:
    """Sound, keys, transcript, drafts and copies of the chart go; consents, receipts, trail and signed notes stay."""
    site = clinic.site
    with site.db.begin() as db:
        details.note_place(db, site.seal, clinic.unsigned.id, "12 Elm Street", at=site.clock.now())
    code = code_of(clinic)
    with site.db.read() as db:
        receipts, signed = db.query(Receipt).count(), db.query(Note).filter(Note.signed_at.is_not(None)).one()
    assert len(site.audio_files()) == 2
    for _ in range(2):
        status, page = confirm(clinic, code)
        assert status == 200
    assert "Nothing was left to erase" in page, "the second time"
    assert "of what can be erased, nothing is left" in clinic.post("/erasure").text
    assert site.audio_files() == []
    assert KeySlots(site.settings.key_file, site.settings).used() == set()
    with site.db.read() as db:
        assert db.query(Transcript).count() == db.query(SessionDetail).count() == 0
        held = {
            row.version: row.sealed is not None for row in db.query(Summary).filter_by(session_id=clinic.unsigned.id)
        }
        assert held == {1: False}
        assert db.get_one(Note, signed.id).content_sealed == signed.content_sealed
        facts = [sessions.patient_of(site.seal, row) for row in db.query(TelehealthSession)]
        browsers = [launches.patient_of(db, site.seal, row.id) for row in db.query(BrowserSession)]
        facts += [each for each in browsers if each is not None]
        assert len(facts) > len(browsers) > 0
        assert db.query(Receipt).count() == receipts + 2, "of the recording and of the withdrawal, once each"
    assert {each.name for each in facts} == {"Carol Diaz"}
    assert {(each.medications, each.problems, each.contacts, each.phone) for each in facts} == {((), (), (), "")}
    assert answers_of(clinic, clinic.unsigned.id) == {"inactive"}
    assert answers_of(clinic, clinic.signed.id) == {"active"}, "nothing was left there, so it was not touched"
    assert [each for each in site.audit() if each.startswith("client.era")] == ["client.erasure-asked", "client.erased"]


@pytest.mark.req("B02")
def test_nothing_is_erased_that_was_not_shown_and_confirmed(fresh: Clinic) -> None:
    """Another id, no code, or a plan that changed since: refused with what to do, nothing done."""
    site, code = fresh.site, code_of(fresh)
    assert confirm(fresh, code, again="carl")[0] == 400
    assert confirm(fresh, "")[0] == 400
    site.clock.tick(minutes=5)
    open_visit(site).record()
    status, page = confirm(fresh, code)
    assert status == Conflict.status
    assert "nothing was erased" in page
    assert len(site.audio_files()) == 2
    assert answers_of(fresh, fresh.unsigned.id) == {"active"}
    assert code_of(fresh) not in ("", code)


@pytest.mark.req("B02")
def test_a_session_that_goes_on_is_stopped_and_its_call_goes_on(fresh: Clinic) -> None:
    """As by the client's own withdrawal: what runs is refused from then on."""
    site = fresh.site
    site.clock.tick(minutes=5)
    live = open_visit(site)
    grants = live.record()
    page = fresh.post("/erasure").text
    assert "goes on now. Its recording stops at once; the call goes on." in page
    code = code_of(fresh)
    assert confirm(fresh, code)[0] == 200
    track, token = next(iter(grants.items()))
    assert live.alice.put_chunk(token, track, 0, 0, b"sound").status_code == 403
    assert site.session(live.id).state == State.OPEN
    assert live.state(live.carol)["state"] == "open"


class LockedSlot:
    """A key store that cannot be written for one key."""

    def __init__(self, vault: Vault, number: int) -> None:
        self._vault, self._number = vault, number

    def destroy(self, number: int) -> None:
        """Refuse for the one."""
        if number == self._number:
            raise VaultError("key_disk", "The key store cannot be written.", "Free space.")
        self._vault.destroy(number)


@pytest.mark.req("B02", "T12")
def test_what_fails_on_the_way_is_said_and_finished_by_the_sweep(fresh: Clinic) -> None:
    """From the first step on nobody can add to it; the rest is done when the fault is over, with its receipts."""
    site = fresh.site
    slot = site.recordings(fresh.unsigned.id)[0].key_slot
    assert slot is not None
    whole = of_kit(site.kit)
    broken = replace(site.kit.withdrawals, vault=LockedSlot(site.kit.vault, slot))  # type: ignore[arg-type]
    with site.db.read() as db:
        client = whole.find(PATIENT, "")
        before = db.query(Receipt).count()
    eraser = Eraser(withdrawals=broken, seal=site.seal, clock=site.clock)
    done = eraser.erase(client, whole.plan(client, actor="Practitioner/dr-alice").code, actor="Practitioner/dr-alice")
    assert (done.unfinished, done.receipts) == (1, ())
    assert "client.erased" not in site.audit()
    site.kit.steps.sweep()
    with site.db.read() as db:
        assert db.query(Receipt).count() == before + 2
    assert site.audio_files() == []
    assert whole.plan(client, actor="Practitioner/dr-alice").is_empty


@pytest.mark.req("B02")
def test_a_draft_that_no_withdrawal_reaches_is_named(fresh: Clinic) -> None:
    """Without an agreement in force there is nothing to take back: nobody is told that it goes by itself."""
    site = fresh.site
    with site.db.begin() as db:
        for row in consents.of_session(db, fresh.unsigned.id):
            row.status = "inactive"
    status, page = confirm(fresh, code_of(fresh))
    assert status == 200
    assert "no agreement to record is in force" in page
    assert "goes on by itself" not in page
    assert "client.erased" not in site.audit()


@pytest.mark.req("C10")
def test_looking_at_what_would_go_leaves_a_line(fresh: Clinic) -> None:
    """Also from the command line, where nobody looked at the record before."""
    whole = of_kit(fresh.site.kit)
    whole.plan(whole.find(PATIENT, ""), actor="server")
    assert fresh.site.audit()[-1] == "client.read"


@pytest.mark.req("T12")
def test_erasing_is_not_refused_for_want_of_a_line(fresh: Clinic) -> None:
    """As every withdrawal: the lines that could not be written are owed and follow."""
    site, code = fresh.site, code_of(fresh)
    with site.db.engine.begin() as connection:
        connection.exec_driver_sql(BROKEN)
    assert confirm(fresh, code)[0] == 200
    assert site.audio_files() == []
    with site.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER broken")
    site.kit.steps.sweep()
    assert {"client.erasure-asked", "client.erased", "consent.withdraw"} <= set(site.audit())


def recorded_with_partner(site: Site) -> tuple[Visit, Side]:
    """Record Carol and her partner, who both agreed; the session goes on."""
    visit = open_visit(site)
    partner = visit.bring("Quentin", role="partner")
    assert visit.start().status_code == 200
    for side in (visit.carol, partner):
        visit.answer(side, agrees=True)
    for track, token in visit.grants().items():
        assert visit.alice.put_chunk(token, track, 0, 0, sound_chunk()).status_code == 201
    return visit, partner


@pytest.mark.req("B02", "S04", "M09")
def test_nobody_records_on_in_a_session_that_was_erased(site: Site) -> None:
    """Everybody's agreement is taken back at once; the client leaves, and the partner alone is not recorded either."""
    visit, partner = recorded_with_partner(site)
    records = of_kit(site.kit)
    client = records.find(PATIENT, "")
    plan = records.plan(client, actor=ERIN)
    assert plan.goes["agreements"] == 2
    records.erase(client, plan.code, actor=ERIN)
    assert answers_in(site, visit.id) == {"inactive"}
    visit.carol.post(f"/room/{visit.id}/leave")
    site.clock.tick(seconds=20)
    facts = visit.state(partner)
    assert (facts["state"], facts["reason"]) == ("open", "erasure-request")
    assert {each["answer"] for each in facts["participants"]} == {None, "erased"}
    assert visit.state()["recorder"]["why"] == "erasure_asked"
    assert visit.start().get_json()["code"] == "erasure_asked"
    assert partner.get(f"/room/{visit.id}/allow").status_code == 204
    assert "erasure_asked" in site.causes(visit)
    assert records.plan(client, actor=ERIN).is_empty
    assert visit.end()["state"] == "empty"
    assert "erasure-request" in site.causes(visit)


@pytest.mark.req("B02", "S04")
def test_agreements_without_a_recording_are_taken_back_too(site: Site) -> None:
    """What ran was erased meanwhile: the agreements alone would let it start again."""
    visit, _ = recorded_with_partner(site)
    visit.alice.ok(f"/sessions/{visit.id}/recording/stop", {"last": {}})
    site.clock.tick(hours=24)
    site.kit.steps.sweep()
    with site.db.begin() as db:
        sessions.find(db, visit.id).state = State.OPEN
    records = of_kit(site.kit)
    client = records.find(PATIENT, "")
    plan = records.plan(client, actor=ERIN)
    assert (plan.goes["recordings"], plan.goes["agreements"], plan.live) == (0, 2, 1)
    records.erase(client, plan.code, actor=ERIN)
    assert answers_in(site, visit.id) == {"inactive"}


@pytest.mark.req("C10", "B03")
def test_trail_and_receipts_say_who_took_the_consents_back(site: Site) -> None:
    """The administrator, at a client's request: neither the client nor the partner withdrew anything."""
    visit, partner = recorded_with_partner(site)
    records = of_kit(site.kit)
    client = records.find(PATIENT, "")
    records.erase(client, records.plan(client, actor=ERIN).code, actor=ERIN)
    with site.db.read() as db:
        lines = db.query(AuditLine).filter_by(action="consent.withdraw").all()
        bodies = [json.loads(row.body) for row in db.query(Receipt).order_by(Receipt.number)]
    told = {(row.actor, row.detail["participant"], row.detail["cause"]) for row in lines}
    assert told == {(ERIN, side.participant_id, "erasure-request") for side in (visit.carol, partner)}
    assert [(each["kind"], each["cause"]) for each in bodies] == [
        ("erasure", "erasure-request"),
        ("withdrawal", "erasure-request"),
        ("withdrawal", "erasure-request"),
    ]
    token = visit.state(partner)["links"]["copy"].split("#t=")[1]
    copy = visit.room.side("").ok("/copy", {"token": token})
    assert [each["status"] for each in copy["consents"]] == ["erased"]
    assert len(copy["receipts"]) == 2
