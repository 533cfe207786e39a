"""The help pages: the clinician's six answers, and the client's own."""

from collections.abc import Callable

from flask import Blueprint, render_template

from smart_app.config import Settings
from smart_app.consent import screen
from smart_app.help.answers import six_answers
from smart_app.ports import PatientFacts, Person
from smart_app.web import language
from smart_app.web.policy import Who, allow, person


def blueprint(*, settings: Settings, patient_of: Callable[[Person], PatientFacts]) -> Blueprint:
    """Return the routes of this room."""
    room = Blueprint("help", __name__)

    @room.get("/help")
    @allow(Who.CLINICIAN)
    def page() -> str:
        """Show the six answers."""
        who = person()
        answers = six_answers(
            transcript_days=settings.transcript_days, erases_when_signed=settings.erase_after == "signed"
        )
        return render_template("help/help.html", person=who, patient=patient_of(who), answers=answers)

    @room.get("/join/help")
    @allow(Who.PUBLIC)
    def for_clients() -> str:
        """Show the client's help, in their language and without a login; it names nobody."""
        return render_template("join_help.html", days=screen.span(settings.transcript_days, language.current()))

    return room
