"""The administrators' page: whether the AI session assistant is there for their EHR (S01)."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from smart_app.consent import stopping
from smart_app.errors import BadInput
from smart_app.ports import Clock
from smart_app.store import audit_lines, site
from smart_app.store.database import Database
from smart_app.web.policy import Who, allow, person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admin:
    db: Database
    clock: Clock

    @allow(Who.ADMIN)
    def page(self) -> str:
        """Show how the site's switch stands; asked for, the question before it is turned off, with what that stops."""
        with self.db.read() as db:
            iss = person().iss
            switch, running = site.ai_switch(db, iss), stopping.count_running(db, iss)
        asks = switch.is_on and request.args.get("turn") == "off"
        return render_template("help/admin.html", person=person(), switch=switch, asks=asks, running=running)

    @allow(Who.ADMIN)
    def turn(self) -> Response:
        """Turn the site's switch; turned off, every running recording stops as by Stop Recording."""
        wanted = request.form.get("ai_offered")
        if wanted not in {"on", "off"}:
            raise BadInput("bad_field", "Choose on or off.", "Reload the page and try again.")
        who, now, is_on = person(), self.clock.now(), wanted == "on"
        with self.db.begin() as db:
            if site.switch_ai(db, who.iss, is_on=is_on, by=who.fhir_user, at=now):
                write = audit_lines.append if is_on else audit_lines.append_if_possible
                write(db, at=now, actor=who.fhir_user, action=f"site.ai_{wanted}", subject="site")
            if not is_on:
                stopping.stop_everywhere(db, who.iss, actor=who.fhir_user, at=now)
        return redirect("/admin", 303)


def blueprint(*, db: Database, clock: Clock) -> Blueprint:
    """Return the administrators' routes."""
    room = Blueprint("admin", __name__)
    view = _Admin(db=db, clock=clock)
    room.get("/admin")(view.page)
    room.post("/admin/assistant")(view.turn)
    return room
