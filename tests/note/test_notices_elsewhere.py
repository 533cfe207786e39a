"""Pop-ups of the clinician's own sessions with other patients than the one whose chart is open (S29)."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.session import State
from tests.note.visit import Clinic, person


def ready(clinic: Clinic, session_id: str, **more: Any) -> None:
    """Add a session with a summary."""
    clinic.session(session_id, State.ENDED, ended_at=clinic.clock.now(), **more)
    clinic.summarise(session_id)


@pytest.mark.req("S29")
def test_she_hears_of_her_own_sessions_whichever_chart_is_open(clinic: Clinic, alice: FlaskClient) -> None:
    """Only her own; of another patient nothing is named and nothing is opened; dismissed, it stays away."""
    ready(clinic, "s1")
    ready(clinic, "s2", patient_id="jonas", minutes_ago=180)
    ready(clinic, "s3", patient_id="jonas", clinician_id="bob")
    clinic.session("s4", State.EMPTY, patient_id="jonas")
    found = {each["session_id"]: each for each in alice.get("/notices").json["notices"]}  # type: ignore[index]
    assert set(found) == {"s1", "s2"}
    assert found["s1"]["url"] == "/chart#session-s1"
    assert (found["s2"]["url"], found["s2"]["action"]) == ("", "")
    assert "launch Chartside from there" in found["s2"]["text"]
    assert found["s1"]["session_at"] != found["s2"]["session_at"], "the session's time tells two of one kind apart"
    assert "jonas" not in str(found["s2"]).lower()
    assert alice.get("/sessions/s2/transcript").status_code == 404, "the pop-up opens no chart"
    assert alice.post("/notices/s2/seen").status_code == 200
    assert alice.post("/notices/s3/seen").status_code == 404
    left = [each["session_id"] for each in alice.get("/notices").json["notices"]]  # type: ignore[index]
    assert left == ["s1"]


@pytest.mark.req("S29")
def test_nobody_hears_of_the_sessions_of_others(clinic: Clinic, alice: FlaskClient) -> None:
    """Dr Bob treats the same patient; Dr Alice's summaries are not his news."""
    ready(clinic, "s1")
    clinic.door.who = person("Dr Bob", "bob")
    assert alice.get("/notices").json == {"notices": []}
