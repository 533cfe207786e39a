"""The room that these tests are in."""

import pytest

from smart_app.config import Settings
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.room import Room, Visit, make_room, open_visit


@pytest.fixture
def room(database: Database, settings: Settings, clock: FrozenClock, seal: Seal) -> Room:
    """The three rooms, wired, with Dr Alice, Dr Bob and Dr Dan."""
    return make_room(database, settings, clock, seal)


@pytest.fixture
def visit(room: Room) -> Visit:
    """Dr Alice's session with Carol in the room, nothing asked yet."""
    return open_visit(room)
