"""The administrators' pages of the audit trail: who did what, when, to which client's record; is it whole (C10)."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from fhir_mappings.model import Site
from smart_app.audit import check, events, words
from smart_app.audit.command import wanted_of
from smart_app.config import Settings
from smart_app.errors import BadInput
from smart_app.ports import Clock
from smart_app.store import audit_lines, trail
from smart_app.store.audit_head import AuditHead
from smart_app.store.database import Database, Db
from smart_app.store.trail import Line, Wanted
from smart_app.web.policy import Who, allow, person

PAGE_LINES = 50
_FIELDS = ("patient", "actor", "kind", "since", "until")
_MOST_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trail:
    db: Database
    clock: Clock
    settings: Settings

    @allow(Who.ADMIN)
    def page(self) -> str | tuple[str, int]:
        """Show the newest lines, or those that a filter asks for; looking is a line too."""
        typed, refused = _typed(), None
        try:
            wanted = self._wanted(typed)
        except BadInput as error:
            refused, wanted = error, Wanted(iss=person().iss)
        with self.db.begin() as db:
            lines = trail.page(db, wanted, before=_number("before"), after=_number("after"), size=PAGE_LINES + 1)
            self._note(db, "audit.read", wanted)
        newest_cut = _number("after") is not None and len(lines) > PAGE_LINES
        shown = lines[-PAGE_LINES:] if newest_cut else lines[:PAGE_LINES]
        page = render_template(
            "audit/trail.html",
            person=person(),
            lines=shown,
            typed=typed,
            refused=refused,
            kinds=words.KINDS,
            said=words.said,
            is_filtered=any(typed.values()),
            newer=_link(typed, after=shown[0].number) if self._has_newer(shown, is_more=newest_cut) else "",
            older=_link(typed, before=shown[-1].number) if _has_older(lines) else "",
            export=_link(typed, path="/admin/audit.ndjson"),
            years=self.settings.audit_years,
        )
        return (page, refused.status) if refused else page

    def _has_newer(self, shown: list[Line], *, is_more: bool) -> bool:
        """Say whether there may be newer lines than those shown: a page further back was asked for."""
        return bool(shown) and (is_more or _number("before") is not None)

    @allow(Who.ADMIN)
    def verify(self) -> str:
        """Look at the whole trail and say what was found."""
        found = check.check(self.db, AuditHead(self.settings.audit_head_file))
        with self.db.begin() as db:
            self._note(db, "audit.verified", Wanted())
        return render_template("audit/verified.html", person=person(), found=found, at=self.clock.now())

    @allow(Who.ADMIN)
    def export(self) -> Response:
        """Return the lines that the filter asks for as FHIR AuditEvents, one a row."""
        wanted = self._wanted(_typed())
        with self.db.begin() as db:
            self._note(db, "audit.exported", wanted)
        headers = {"Content-Disposition": 'attachment; filename="chartside-audit.ndjson"'}
        return Response(self._rows(wanted), mimetype="application/fhir+ndjson", headers=headers)

    def _rows(self, wanted: Wanted) -> Iterator[bytes]:
        site = Site(base=self.settings.base_url, canonical=self.settings.canonical_url)
        with self.db.read() as db:
            yield from events.ndjson(trail.in_order(db, wanted), site)

    def _wanted(self, typed: dict[str, str]) -> Wanted:
        return wanted_of(iss=person().iss, **typed)

    def _note(self, db: Db, action: str, wanted: Wanted) -> None:
        who = person()
        detail = {"iss": who.iss} | ({"patient": wanted.patient} if wanted.patient else {})
        audit_lines.append(db, at=self.clock.now(), actor=who.fhir_user, action=action, subject="site", detail=detail)


def _typed() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:_MOST_CHARS] for name in _FIELDS}


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _has_older(lines: list[Line]) -> bool:
    """Say whether there are older lines than those shown."""
    return bool(lines) and (len(lines) > PAGE_LINES or _number("after") is not None)


def _link(typed: dict[str, str], *, path: str = "/admin/audit", **place: int) -> str:
    asked = {name: value for name, value in typed.items() if value} | {name: str(each) for name, each in place.items()}
    return f"{path}?{urlencode(asked)}" if asked else path


def blueprint(*, db: Database, clock: Clock, settings: Settings) -> Blueprint:
    """Return the administrators' routes of the trail."""
    room = Blueprint("audit", __name__)
    view = _Trail(db=db, clock=clock, settings=settings)
    room.get("/admin/audit")(view.page)
    room.post("/admin/audit/verify")(view.verify)
    room.get("/admin/audit.ndjson")(view.export)
    return room
