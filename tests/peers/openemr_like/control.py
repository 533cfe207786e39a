"""Only for tests: make charts, open launches, lock notes, enable clients, revoke, set faults, see what is stored."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from tests.peers.openemr_like.answers import empty_html, json_answer
from tests.peers.openemr_like.launch import launch_url
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Store, User

Words = dict[str, Any]
STEPS = ("patient", "encounter", "user", "client", "launch", "revoke", "lock", "edit_note", "faults", "clock", "reset")
"""The steps that POST /control/{step} takes; each is a method of Control."""


class Control:
    """The steps of a test; each takes the JSON that was posted and returns the JSON of the answer."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def patient(self, words: Words) -> Words:
        """Open a chart: first, last, born?, sex?."""
        return asdict(self._store.add_patient(**words))

    def encounter(self, words: Words) -> Words:
        """Open a visit: pid, by, reason?."""
        made = self._store.add_encounter(**words)
        return {**asdict(made), "at": made.at.isoformat()}

    def user(self, words: Words) -> Words:
        """Make or change a user: username, and first, last, group, npi, ai_opt_in."""
        users = self._store.users
        if words["username"] not in users:
            users[words["username"]] = User(**words)
        user = users[words["username"]]
        for key, value in words.items():
            setattr(user, key, value)
        return {**asdict(user), "fhir_user": user.fhir_user}

    def client(self, words: Words) -> Words:
        """Do what an admin clicks under API Clients: client_id, is_enabled?, skips_login?."""
        client = self._store.clients[words["client_id"]]
        client.is_enabled = bool(words.get("is_enabled", client.is_enabled))
        client.skips_login = bool(words.get("skips_login", client.skips_login))
        return {"client_id": client.id, "is_enabled": client.is_enabled}

    def launch(self, words: Words) -> Words:
        """Open a launch: client_id, username, patient (uuid), encounter?, intent?; gives launch and url."""
        client = self._store.clients[words["client_id"]]
        launch_id = self._store.open_launch(
            client_id=client.id,
            username=words["username"],
            patient=words["patient"],
            encounter=words.get("encounter", ""),
            intent=words.get("intent", "patient.demographics.dialog"),
        )
        return {"launch": launch_id, "url": launch_url(self._settings, client, launch_id)}

    def revoke(self, words: Words) -> Words:
        """Withdraw what was authorized, as a user or admin does in the EHR: client_id?."""
        store = self._store
        for issued in [*store.access.values(), *store.refresh.values(), *store.codes.values()]:
            if words.get("client_id") in {None, issued.grant.client_id}:
                issued.grant.is_revoked = True
        return {}

    def lock(self, words: Words) -> Words:
        """Sign electronically: note (uuid) or encounter (uuid); is_locked false opens it again."""
        is_locked = bool(words.get("is_locked", True))
        visit = self._store.encounter(words.get("encounter", ""))
        if visit:
            visit.is_locked = is_locked
        for note in self._store.clinical_notes:
            if note.uuid == words.get("note"):
                note.is_locked = is_locked
        return {}

    def edit_note(self, words: Words) -> Words:
        """Change or delete a clinical note in the EHR: note (uuid), text? or is_deleted?."""
        note = next(one for one in self._store.clinical_notes if one.uuid == words["note"])
        note.is_deleted = bool(words.get("is_deleted", note.is_deleted))
        if "text" in words:
            note.text, note.version, note.is_changed_in_ehr = str(words["text"]), note.version + 1, True
        return {"version": note.version}

    def faults(self, words: Words) -> Words:
        """Set the faults of faults.NAMES; none: back to faithful."""
        self._store.faults = words
        return words

    def clock(self, words: Words) -> Words:
        """Move the server's clock: skew_s."""
        self._store.skew_s = float(words["skew_s"])
        return {}

    def reset(self, _: Words) -> Words:
        """Begin again with the seeded charts, users and no faults; clients and tokens are kept."""
        self._store.begin_again()
        return {}


def routes(settings: Settings, store: Store) -> Blueprint:
    """Return the control routes."""
    blueprint = Blueprint("control", __name__, url_prefix="/control")
    control = Control(settings, store)

    @blueprint.get("/stored")
    def stored() -> Response:
        return json_answer(store.dump())

    @blueprint.post("/<step>")
    def take(step: str) -> Response:
        if step not in STEPS:
            return empty_html(404)
        return json_answer(getattr(control, step)(request.get_json(silent=True) or {}))

    return blueprint
