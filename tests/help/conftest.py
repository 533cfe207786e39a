"""A room with the diagnosis and the administrators' page in it."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from smart_app.call import presence
from smart_app.config import Settings
from smart_app.help import admin_routes, why_routes
from smart_app.help.reading import Sources
from smart_app.store.database import Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock
from tests.fakes.room import Room, Visit, make_room, open_visit


@dataclass
class Wait:
    """Where the summary stands, as a test wants it."""

    is_worker_alive: bool = True

    def sentence(self) -> str:
        """Say it."""
        return "Ended 3 minutes ago. A summary is usually ready 1 to 2 minutes after the end."


@dataclass
class Desk:
    """A visit and what the diagnosis hears from other rooms."""

    visit: Visit
    wait: Wait
    elements: list[bool]

    def causes(self, **asked: str) -> list[dict[str, Any]]:
        """Ask why, as Dr Alice."""
        query = "&".join(f"{name}={value}" for name, value in {"session": self.visit.id, **asked}.items())
        answer = self.visit.alice.get(f"/why?{query}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json["causes"]  # type: ignore[index]
        return found

    def cause(self, code: str, **asked: str) -> dict[str, Any]:
        """Return one cause, which must be there."""
        found = {each["code"]: each for each in self.causes(**asked)}
        assert code in found, list(found)
        return found[code]


@pytest.fixture
def room(database: Database, settings: Settings, clock: FrozenClock, seal: Seal) -> Room:
    """The rooms, with Erin the administrator beside the clinicians."""
    room = make_room(database, settings, clock, seal)
    room.people["erin"] = replace(room.people["bob"], name="Erin", fhir_user="Practitioner/erin", is_admin=True)
    return room


@pytest.fixture
def desk(room: Room) -> Desk:
    """Dr Alice's session with Carol in it, and somebody who can say why."""
    wait, elements = Wait(), [True]
    sources = Sources(
        waiting=lambda db, session: wait,
        has_element=lambda note: elements[-1],
        has_disk=lambda: room.audio.free_bytes() >= room.settings.disk_reserve_bytes,
        is_full=presence.is_full,
    )
    room.app.register_blueprint(why_routes.blueprint(db=room.db, clock=room.clock, seal=room.seal, sources=sources))
    room.app.register_blueprint(admin_routes.blueprint(db=room.db, clock=room.clock))
    return Desk(visit=open_visit(room), wait=wait, elements=elements)
