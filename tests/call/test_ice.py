"""TURN credentials: of one participant, ended by themselves, made for who is admitted only."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from smart_app.call.ice import configuration
from smart_app.config import Settings
from smart_app.secret import Secret
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.room import Side, Visit, make_room, open_visit

URLS = ("turn:turn.example:3478?transport=udp", "turns:turn.example:5349")
SECRET = b"shared with coturn"


@pytest.fixture
def turned(settings: Settings) -> Settings:
    """A site with coturn."""
    return replace(settings, turn_urls=URLS, turn_secret=Secret(SECRET), ice_servers=({"urls": "stun:s.example"},))


@pytest.fixture
def visit(database: Database, turned: Settings, clock: FrozenClock, seal: Seal) -> Visit:
    """Dr Alice's session with Carol at that site."""
    return open_visit(make_room(database, turned, clock, seal))


def asked(visit: Visit, side: Side) -> Any:
    """Return what the server tells a side about connecting."""
    return side.get(f"/room/{visit.id}/ice").json


def test_the_password_is_coturns_own(turned: Settings, clock: FrozenClock) -> None:
    """User name `expiry:participant`, password base64(HMAC-SHA1(secret, user name)), as coturn recomputes it."""
    made = configuration(turned, "p1", clock.now())
    stun, turn = made["ice_servers"]
    assert stun == {"urls": "stun:s.example"}
    assert turn["urls"] == list(URLS)
    assert turn["username"] == f"{int(clock.now().timestamp()) + 3600}:p1"
    expected = hmac.new(SECRET, turn["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(turn["credential"]) == expected
    assert (made["lasts_s"], made["transport_policy"]) == (3600, "all")


def test_without_turn_there_are_no_credentials(settings: Settings, clock: FrozenClock) -> None:
    """A clinic without coturn gets what it configured, and nothing made up."""
    assert configuration(settings, "p1", clock.now())["ice_servers"] == []


def test_relay_only_is_passed_on(turned: Settings, clock: FrozenClock) -> None:
    """The browser is told to use the relay alone."""
    assert configuration(replace(turned, is_ice_relay_only=True), "p1", clock.now())["transport_policy"] == "relay"


@pytest.mark.req("T03")
def test_everybody_gets_their_own_and_nobody_outside_gets_any(visit: Visit) -> None:
    """Admitted: own credentials. In the waiting room, shut out or a stranger: none."""
    mine, theirs = asked(visit, visit.alice), asked(visit, visit.carol)
    names = [made["ice_servers"][1]["username"].split(":")[1] for made in (mine, theirs)]
    assert names == [visit.state()["you"], visit.carol.participant_id]
    waiting = visit.bring("Pat", is_admitted=False)
    for side in (waiting, visit.room.side(""), visit.room.side("dan")):
        answer = side.get(f"/room/{visit.id}/ice")
        assert answer.status_code in (401, 403)
        assert "credential" not in json.dumps(answer.json)


def test_the_secret_is_never_in_an_answer_nor_on_disk(visit: Visit) -> None:
    """Only what was made from it leaves the process, and nothing of it is stored."""
    answer = asked(visit, visit.alice)
    assert SECRET.decode() not in json.dumps(answer)
    credential = answer["ice_servers"][1]["credential"].encode()
    assert SECRET not in visit.room.all_bytes()
    assert credential not in visit.room.all_bytes()
