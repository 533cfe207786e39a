"""Who is told what when a page is not theirs."""

from dataclasses import replace

import pytest
from flask import Flask, Request, g

from smart_app.errors import ChartsideError
from smart_app.ports import InRoom, Person
from smart_app.web.policy import Who, allow, enforce
from tests.note.visit import person


class Door:
    """One clinician who is signed in, or nobody."""

    def __init__(self, who: Person | None) -> None:
        self.who = who

    def person(self, request: Request) -> Person | None:
        """Return them."""
        return self.who

    def invited(self, request: Request) -> InRoom | None:
        """Return nobody."""
        return None

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Return nobody."""
        return None


def refusal(who: Person | None) -> tuple[int, str]:
    """Ask for an administrators' page; return the status and whom the answer's page knows."""
    app = Flask(__name__)

    @app.errorhandler(ChartsideError)
    def tell(error: ChartsideError) -> tuple[str, int]:
        known = g.get("person")
        return known.name if known is not None else "", error.status

    @app.get("/admin")
    @allow(Who.ADMIN)
    def page() -> str:
        return "shown"

    enforce(app, Door(who), "http://127.0.0.1:8090")
    answer = app.test_client().get("/admin")
    return answer.status_code, answer.text


@pytest.mark.req("T04")
def test_a_clinician_who_is_no_administrator_is_refused_and_still_known() -> None:
    """Their page leads back to the chart; a stranger's leads nowhere."""
    assert refusal(replace(person(), is_admin=True)) == (200, "shown")
    assert refusal(person()) == (403, person().name)
    assert refusal(None) == (401, "")
