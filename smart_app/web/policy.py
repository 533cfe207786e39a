"""The policy that every route declares, and who is asking.

A route without `@allow(...)` answers 500 in development and fails the architecture test.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Request, current_app, g, request

from smart_app.errors import NotAllowed, NotFound, NotSignedIn
from smart_app.ports import InRoom, Person


class Who(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    """Anybody; the handler reveals nothing about a patient."""
    CLINICIAN = "clinician"
    """A signed-in clinician; `person()` is set. The handler checks that the object is theirs."""
    ADMIN = "admin"
    IN_ROOM = "in_room"
    """The clinician or an invited participant of the session `session_id` in the path; `in_room()` is set."""
    INVITED = "invited"
    """An invited participant by the cookie of their join link; `in_room()` is set."""
    GRANT = "grant"
    """A capture grant in the header; the handler checks it before it reads the body."""
    COPY_LINK = "copy_link"
    """The participant's 30-day link; the handler checks the token."""
    BEARER = "bearer"
    """A FHIR client's access token; the handler checks it before it reads anything."""


class Identify(Protocol):
    """How the factory tells the policy who is asking."""

    def person(self, request: Request) -> Person | None:
        """Return the signed-in clinician of this browser."""

    def invited(self, request: Request) -> InRoom | None:
        """Return the invited participant of this browser."""

    def clinician_in_room(self, person: Person, session_id: str) -> InRoom | None:
        """Return the clinician as a participant of the session, if it is theirs (iss, fhirUser, patient)."""


View = TypeVar("View", bound=Callable[..., Any])


def allow(who: Who) -> Callable[[View], View]:
    """Declare who may call the route."""

    def mark(view: View) -> View:
        view.policy = who  # type: ignore[attr-defined]
        return view

    return mark


def person() -> Person:
    """Return the signed-in clinician of this request."""
    return cast(Person, g.person)


def in_room() -> InRoom:
    """Return whoever of the session is asking."""
    return cast(InRoom, g.in_room)


def _is_same_origin(asked: Request, base_url: str) -> bool:
    """Say whether a change comes from our own pages (T07): Sec-Fetch-Site and Origin, where the browser sends them."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = asked.headers.get("Origin")
    # Our own forms carry `Origin: null`, because pages say `Referrer-Policy: no-referrer` (Fetch, "append a request
    # Origin header"); the browser's own Sec-Fetch-Site then decides.
    if origin is None or (origin == "null" and site == "same-origin"):
        return True
    ours = urlsplit(base_url)
    return origin == f"{ours.scheme}://{ours.netloc}"


def _find_in_room(identify: Identify, who: Who) -> InRoom | None:
    session_id = (request.view_args or {}).get("session_id")
    invited = identify.invited(request)
    if invited is not None and session_id in (None, invited.session_id):
        return invited
    signed_in = identify.person(request)
    if who is Who.IN_ROOM and signed_in is not None and session_id is not None:
        return identify.clinician_in_room(signed_in, session_id)
    return None


def enforce(app: Flask, identify: Identify, base_url: str) -> None:
    """Check the policy of every request before its handler runs."""

    def check() -> None:
        if request.endpoint is None:
            raise NotFound
        view = current_app.view_functions[request.endpoint]
        who = Who.PUBLIC if request.endpoint == "static" else getattr(view, "policy", None)
        if who is None:
            raise NotAllowed("no_policy", "This page has no policy.", "Tell the people who run Chartside.")
        if request.method not in {"GET", "HEAD", "OPTIONS"} and not _is_same_origin(request, base_url):
            raise NotAllowed("foreign_origin", "This request came from another site.", "Use Chartside's own pages.")
        if who in {Who.CLINICIAN, Who.ADMIN}:
            found = identify.person(request)
            if found is None:
                raise NotSignedIn
            g.person = found  # also where it is refused: that page leads back to the chart
            if who is Who.ADMIN and not found.is_admin:
                raise NotAllowed("not_admin", "This page is for the EHR's administrators.", "Ask your administrator.")
        elif who in {Who.IN_ROOM, Who.INVITED}:
            room = _find_in_room(identify, who)
            if room is None:
                raise NotSignedIn(
                    "not_in_room",
                    "You are not in this session.",
                    "Open your invitation link again. If it no longer works, ask your clinician.",
                )
            g.in_room = room
            g.person = room.person

    app.before_request(check)
