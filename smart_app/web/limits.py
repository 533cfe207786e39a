"""What one address and one browser may ask how often: limits that a clinic does not meet and an attacker does.

Rooms set those of their own doors (joining, answers, uploads, the FHIR face); here stand the launch's, and those of
what costs: a model's work, a new row, a page to print. Beneath them all lies `front.DEFAULT_LIMIT`.
"""

from collections.abc import Callable
from typing import Any, cast

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

LAUNCH = "120 per minute"
"""For each address: a clinic of a hundred behind one router opens its charts at nine."""
MODEL_WORK = "30 per minute"
"""For each browser: dictations, drafting again, pages to print."""
WHOLE_RECORDS = "30 per minute"
"""For each browser: a client's whole record, an export or a check of the whole audit trail."""
NEW_THINGS = "300 per hour"
"""For each browser: sessions, invitations, notes, templates, registrations."""

OF_ADDRESS = {f"launch.{name}": LAUNCH for name in ("launch", "go", "standalone", "callback")}
OF_BROWSER = {
    **dict.fromkeys(("note.dictate", "note.redraft", "note.pdf", "note.template_preview"), MODEL_WORK),
    **dict.fromkeys(
        ("export.look", "export.as_fhir", "export.as_page", "export.plan", "audit.export", "audit.verify"),
        WHOLE_RECORDS,
    ),
    **dict.fromkeys(
        (
            "call.open_session",
            "call.again",
            "call.invite",
            "call.add_in_person",
            "note.create",
            "note.addendum",
            "note.template_create",
            "note.template_copy",
            "note.template_take_in",
            "practice.begin",
            "face_admin.add",
        ),
        NEW_THINGS,
    ),
}


def apply(app: Flask, limiter: Limiter, browser: Callable[[], str]) -> None:
    """Put the limits on the routes, which keep their policies; `browser` names the one that is signed in."""

    def whom() -> str:
        return browser() or get_remote_address()

    views = cast(dict[str, Callable[..., Any]], app.view_functions)
    for endpoint, limit in OF_ADDRESS.items():
        views[endpoint] = limiter.limit(limit)(views[endpoint])
    for endpoint, limit in OF_BROWSER.items():
        views[endpoint] = limiter.limit(limit, key_func=whom)(views[endpoint])
