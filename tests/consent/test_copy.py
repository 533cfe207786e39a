"""The client's own copy by the 30-day link (B15, decision 18)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask

from smart_app import config, create_app
from smart_app.consent import screen
from smart_app.consent.copy_routes import COPY_LIMIT
from smart_app.store import consents
from smart_app.store.tables import Note
from tests.conftest import environment
from tests.fakes.room import Room, Visit, open_visit


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The whole app, with its headers and limits."""
    app = create_app(config.load(environment(tmp_path_factory.mktemp("site"))))
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def _token(visit: Visit) -> str:
    url = visit.state(visit.carol)["links"]["copy"]
    assert isinstance(url, str)
    return url.split("#t=")[1]


def _read(room: Room, token: str) -> Any:
    """Open the link in a browser that was never in a session."""
    return room.side("").ok("/copy", {"token": token})


def _sign_a_note(visit: Visit) -> None:
    with visit.room.db.begin() as db:
        now = visit.room.clock.now()
        db.add(
            Note(
                session_id=visit.id,
                clinician_id=visit.room.people["alice"].clinician_id,
                patient_id="carol-1",
                template_id="t",
                title="Progress note",
                status="signed",
                content_sealed=b"",
                created_at=now,
                saved_at=now,
                signed_at=now,
            )
        )


@pytest.mark.req("B15")
def test_the_copy_holds_the_text_as_shown_and_the_times(visit: Visit) -> None:
    """Every word, the language, when it was asked and answered; nothing was recorded yet."""
    visit.start()
    shown = visit.carol.get(f"/room/{visit.id}/question").json
    asked_at = visit.room.clock.now().isoformat()
    visit.room.clock.tick(seconds=40)
    visit.answer(visit.carol, agrees=False)
    copy = _read(visit.room, _token(visit))
    assert copy["consents"] == [
        {
            "status": "declined",
            "title": "Consent to Record This Session",
            "text_html": shown["html"],
            "language": "en",
            "asked_at": asked_at,
            "answered_at": visit.room.clock.now().isoformat(),
            "withdrawn_at": None,
            "text_version": screen.TEXT_VERSION,
        }
    ]
    assert (copy["receipts"], copy["was_recorded"], copy["can_withdraw"]) == ([], False, False)


@pytest.mark.req("B15")
def test_an_answer_to_an_earlier_text_stays_readable(visit: Visit) -> None:
    """The version and the words that were shown, not the newest ones."""
    visit.start()
    with visit.room.db.begin() as db:
        [row] = consents.open_questions(db, visit.id)
        row.text_version, row.screen_html = 1, "<p>The words of then.</p>"
    visit.answer(visit.carol, agrees=True)
    [kept] = _read(visit.room, _token(visit))["consents"]
    assert (kept["text_version"], kept["text_html"]) == (1, "<p>The words of then.</p>")
    assert kept["title"] == "Consent to Record This Session"


@pytest.mark.req("B15")
def test_receipts_are_counted_in_ones_own_session(visit: Visit, room: Room) -> None:
    """Not in the site's chain: its number would tell how many others' recordings were erased."""
    for turn in range(2):
        room.clock.tick(seconds=11)
        held = visit if turn == 0 else open_visit(room)
        track, grant = next(iter(held.record().items()))
        held.alice.put_chunk(grant, track, 0, 0, b"voice")
        held.carol.ok(f"/room/{held.id}/withdraw")
        [polled] = held.state(held.carol)["receipts"]
        receipt, withdrawal = _read(room, _token(held))["receipts"]
        assert (polled["number"], receipt["number"], withdrawal["number"]) == (1, 1, 2)
        assert not {"number", "key"} & {*receipt["body"], *withdrawal["body"]}
        [recorded] = held.room.recordings(held.id)
        ran = (recorded.started_at.isoformat(), recorded.stopped_at and recorded.stopped_at.isoformat())
        assert (polled["began_at"], polled["stopped_at"]) == (receipt["began_at"], receipt["stopped_at"]) == ran


@pytest.mark.req("B15")
def test_each_answer_stands_there(visit: Visit) -> None:
    """A decline, then a change of mind, then a withdrawal: nothing is overwritten."""
    visit.start()
    visit.answer(visit.carol, agrees=False)
    visit.allow(visit.carol)
    token = _token(visit)
    assert [each["status"] for each in _read(visit.room, token)["consents"]] == ["declined", "agreed"]
    visit.room.side("").ok("/copy/withdraw", {"token": token})
    copy = _read(visit.room, token)
    assert [each["status"] for each in copy["consents"]] == ["declined", "withdrawn"]
    assert copy["can_withdraw"] is False


@pytest.mark.req("B15", "B03", "B02")
def test_a_withdrawal_by_the_link_erases_and_leaves_receipts_that_anybody_can_check(visit: Visit) -> None:
    """The record is signed: its words, re-serialised as RFC 8785 says, verify with the key that it names."""
    track, grant = next(iter(visit.record().items()))
    visit.alice.put_chunk(grant, track, 0, 0, b"sound")
    token = _token(visit)
    before = _read(visit.room, token)
    assert (before["was_recorded"], before["receipts"], before["can_withdraw"]) == (True, [], True)
    [kept] = visit.room.recordings(visit.id)
    assert kept.first_byte_at is not None
    assert before["erased_by"] == kept.erase_due_at.isoformat(), "the clinician is told the same moment"
    assert kept.erase_due_at <= kept.first_byte_at + timedelta(hours=24)
    visit.room.side("").ok("/copy/withdraw", {"token": token})
    after = _read(visit.room, token)
    assert visit.room.audio_files() == []
    receipt, withdrawal = after["receipts"]
    assert (withdrawal["body"]["kind"], withdrawal["body"]["receipts"]) == ("withdrawal", [receipt["id"]])
    body = receipt["body"]
    assert (body["cause"], len(body["items"]), receipt["number"]) == ("withdrawn", 1, 1)
    assert after["erased_by"] is None
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(body["signed_by"]))
    key.verify(base64.b64decode(receipt["signature"]), rfc8785.dumps(body))
    assert visit.alice.put_chunk(grant, track, 0, 1, b"late").status_code == 403
    assert visit.room.side("").ok("/copy/withdraw", {"token": token})["answer"] == "withdrawn", "a repeat is welcome"


@pytest.mark.req("B15", "D18")
def test_after_the_signature_a_withdrawal_erases_what_is_left_and_the_note_stays(visit: Visit) -> None:
    """Decision 18: the page is told that a signed note stays, before and after."""
    track, grant = next(iter(visit.record().items()))
    visit.alice.put_chunk(grant, track, 0, 0, b"sound")
    token = _token(visit)
    visit.end()
    assert _read(visit.room, token)["has_signed_note"] is False
    _sign_a_note(visit)
    copy = _read(visit.room, token)
    assert (copy["has_signed_note"], copy["can_withdraw"]) == (True, True)
    visit.room.side("").ok("/copy/withdraw", {"token": token})
    assert visit.room.audio_files() == []
    copy = _read(visit.room, token)
    assert (copy["has_signed_note"], copy["can_withdraw"], len(copy["receipts"])) == (True, False, 2)
    with visit.room.db.read() as db:
        assert [note.status for note in db.query(Note)] == ["signed"]


@pytest.mark.req("B15", "T03")
def test_a_wrong_or_expired_link_says_the_same_and_nothing_else(visit: Visit) -> None:
    """Guessing learns nothing: neither that somebody exists nor that a link once worked."""
    visit.record()
    token = _token(visit)
    visit.room.clock.tick(days=30)
    stranger = visit.room.side("")
    answers = [
        stranger.post(path, {"token": each})
        for path in ("/copy", "/copy/withdraw")
        for each in (token, token[:-1], "guess", "x" * 200)
    ]
    said = {(answer.status_code, json.dumps(answer.json, sort_keys=True)) for answer in answers}
    assert len(said) == 1
    assert answers[0].status_code == 410
    for broken in ({}, {"token": ""}, {"token": ["x"]}, {"token": "x" * 201}):
        assert stranger.post("/copy", broken).status_code == 400


@pytest.mark.req("B15")
def test_one_participants_link_shows_nobody_elses_answers(visit: Visit) -> None:
    """Couples: each has a copy of their own, and the partner's name is nowhere in it."""
    pat = visit.bring("Pat", role="partner")
    visit.start()
    visit.answer(visit.carol, agrees=True)
    visit.answer(pat, agrees=False)
    token = visit.state(pat)["links"]["copy"].split("#t=")[1]
    assert token != _token(visit)
    copy = visit.room.side("").post("/copy", {"token": token})
    assert [each["status"] for each in copy.get_json()["consents"]] == ["declined"]
    assert "Carol" not in copy.text
    assert "Pat" not in copy.text


@pytest.mark.req("B15", "T03")
def test_before_the_link_is_handed_in_the_page_names_nobody(site: Flask) -> None:
    """The token is in the fragment, which no server sees; the page is the same for everybody and is not stored."""
    answer = site.test_client().get("/copy")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Dr " not in answer.text


@pytest.mark.req("B15")
def test_guessing_is_slowed_down(site: Flask) -> None:
    """Twenty tries a minute from one address, then 429 with words."""
    browser = site.test_client()
    tries = int(COPY_LIMIT.split()[0])
    statuses = [browser.post("/copy", json={"token": f"guess-{each}"}).status_code for each in range(tries + 1)]
    assert statuses == [410] * tries + [429]
