"""The launch's addresses: from the EHR's chart (in its frame or not) to the chart page, and signing out."""

import re
import secrets

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from smart_app.chart.http import origin
from smart_app.config import Ehr, Settings
from smart_app.errors import ChartsideError, LaunchRefused, NotSignedIn
from smart_app.launch import scopes
from smart_app.launch.authorisation import STATE_LIFETIME, TOKEN_BYTES, Authorisation, Outgoing
from smart_app.launch.client_keys import CACHED, ClientKeys
from smart_app.launch.discovery import Discovery, find_ehr, registered_origins
from smart_app.launch.identity import ABSOLUTE, cookie_name
from smart_app.launch.sign_in import SignIn
from smart_app.launch.style import Styles
from smart_app.ports import Charts, Clock, Http
from smart_app.store import audit_lines, launches
from smart_app.store.database import Database
from smart_app.store.sealed import Seal, token_hash
from smart_app.web.policy import Who, allow, person

_AGAIN = "Open Chartside again from the patient's chart."
_MAX_LAUNCH_CHARS = 2048
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_FRAMES = frozenset({"iframe", "frame", "embed", "object"})
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action {targets}; frame-ancestors {ancestors}"
)


class _Pages:
    """The handlers, with what they need."""

    def __init__(
        self,
        *,
        db: Database,
        settings: Settings,
        clock: Clock,
        authorisation: Authorisation,
        sign_in: SignIn,
        styles: Styles,
    ) -> None:
        self.db = db
        self.settings = settings
        self.clock = clock
        self.authorisation = authorisation
        self.sign_in = sign_in
        self.styles = styles

    def launch(self) -> AnyResponse:
        """Take the EHR's launch: in a frame offer the way out of it, at top level go straight on."""
        ehr = find_ehr(self.settings, _only("iss"))
        launch = _only("launch")
        if not launch or len(launch) > _MAX_LAUNCH_CHARS:
            raise LaunchRefused("no_launch", "The EHR did not say what to open.", _AGAIN)
        if request.headers.get("Sec-Fetch-Dest") == "document":
            return self._authorise(ehr, launch)
        ticket = self.authorisation.wait_in_frame(ehr, launch)
        # Without the header (old browsers, http on a host name) the page's module sees for itself whether it is framed.
        page = render_template(
            "launch/framed.html",
            go_url=url_for(".go", ticket=ticket),
            is_framed=request.headers.get("Sec-Fetch-Dest") in _FRAMES,
        )
        answer = make_response(page)
        answer.headers["Content-Security-Policy"] = _CSP.format(
            ancestors=" ".join(_frame_origins(ehr)), targets="'self'"
        )
        return answer

    def go(self) -> AnyResponse:
        """Begin to authorise in the top-level window that the ticket opened."""
        ehr, launch = self.authorisation.take_ticket(_only("ticket"))
        return self._authorise(ehr, launch)

    def standalone(self) -> AnyResponse:
        """Begin without a chart: the EHR asks for the patient; where several EHRs are registered, ask which first."""
        iss, ehrs = _only("iss"), self.settings.ehrs
        if not iss and len(ehrs) > 1:
            return make_response(render_template("launch/standalone.html", ehrs=ehrs))
        return self._authorise(find_ehr(self.settings, iss) if iss else ehrs[0], None)

    def _authorise(self, ehr: Ehr, launch: str | None) -> AnyResponse:
        name = cookie_name(self.settings, "-launch")
        known = request.cookies.get(name, "")
        # One token for all launches of a browser, so that two at once do not undo each other.
        browser = known if _TOKEN.fullmatch(known) else secrets.token_urlsafe(TOKEN_BYTES)
        outgoing = self.authorisation.begin(ehr, launch, browser=browser)
        answer = redirect(outgoing.url, code=303) if outgoing.form is None else self._posted(ehr, outgoing)
        self._set_cookie(answer, name, browser, max_age_s=STATE_LIFETIME.total_seconds())
        return answer

    def _posted(self, ehr: Ehr, outgoing: Outgoing) -> AnyResponse:
        """Return the page whose form is the authorization request; browsers check each redirect of a form too."""
        answer = make_response(render_template("launch/posting.html", url=outgoing.url, fields=outgoing.form, ehr=ehr))
        targets = " ".join(["'self'", *sorted(registered_origins(ehr))])
        answer.headers["Content-Security-Policy"] = _CSP.format(ancestors="'none'", targets=targets)
        return answer

    def callback(self) -> AnyResponse:
        """Finish the launch: a new browser session, and on to the chart page."""
        arguments = {name: _only(name) for name in request.args}
        browser = request.cookies.get(cookie_name(self.settings, "-launch"), "")
        authorised = self.authorisation.finish(arguments, browser=browser)
        name = cookie_name(self.settings)
        opened = self.sign_in.open(authorised, old_cookie=request.cookies.get(name, ""))
        self.styles.remember(authorised.ehr, authorised.fields.get("smart_style_url"))
        answer = redirect(url_for(".limits") if opened.costs else "/chart", code=303)
        self._set_cookie(answer, name, opened.cookie, max_age_s=ABSOLUTE.total_seconds())
        return answer

    def limits(self) -> str:
        """Say what will not work with what the EHR granted, before going on."""
        who = person()
        with self.db.read() as db:
            grant = launches.find_grant(db, who.ehr_grant_id)
        if grant is None:
            raise NotSignedIn
        costs = scopes.costs(grant.scope, has_refresh=grant.refresh_sealed is not None)
        return render_template("launch/limits.html", costs=costs)

    def sign_out(self) -> AnyResponse:
        """End the browser session; what is owed to the chart is still filed."""
        name = cookie_name(self.settings)
        with self.db.begin() as db:
            clinician_id = launches.sign_out(db, token_hash(request.cookies.get(name, "")))
            if clinician_id is not None:
                audit_lines.append_if_possible(
                    db, at=self.clock.now(), actor=clinician_id, action="browser.signed_out", subject=clinician_id
                )
        answer = make_response(render_template("launch/signed_out.html"))
        answer.delete_cookie(name, path="/", secure=not self.settings.is_loopback_dev, httponly=True, samesite="Lax")
        return answer

    def _set_cookie(self, answer: AnyResponse, name: str, value: str, *, max_age_s: float) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=int(max_age_s),
            path="/",
            secure=not self.settings.is_loopback_dev,
            httponly=True,
            samesite="Lax",
        )


def _only(name: str) -> str:
    """Return a query parameter that stands there once; empty when absent. Raises LaunchRefused for a repeated one."""
    values = request.args.getlist(name)
    if len(values) > 1:
        raise LaunchRefused("repeated", "The EHR's address says the same thing twice.", _AGAIN)
    return values[0] if values else ""


def _frame_origins(ehr: Ehr) -> list[str]:
    found = [origin(ehr.iss), *(origin(value) for value in ehr.frame_origins)]
    return list(dict.fromkeys(value for value in found if value)) or ["'none'"]


def _problem(error: ChartsideError) -> tuple[str, int]:
    return render_template("launch/problem.html", code=error.code, public=error.public, todo=error.todo), error.status


def _serve_keys(routes: Blueprint, keys: ClientKeys) -> None:
    """Serve our public keys to anybody: the address that is registered at the EHRs (SMART 2.2 @299-303)."""

    @routes.get("/.well-known/jwks.json")
    @allow(Who.PUBLIC)
    def jwks() -> AnyResponse:
        answer = jsonify(keys.jwks(_only("alg")))
        answer.headers["Cache-Control"] = f"public, max-age={int(CACHED.total_seconds())}"
        return answer


def blueprint(*, db: Database, settings: Settings, clock: Clock, seal: Seal, http: Http, charts: Charts) -> Blueprint:
    """Return the routes of the room."""
    more_scopes = scopes.REVIEW_TASK if settings.is_review_task_filed else None
    discovery = Discovery(http=http, clock=clock, more_scopes=more_scopes)
    authorisation = Authorisation(db=db, settings=settings, clock=clock, seal=seal, http=http, discovery=discovery)
    sign_in = SignIn(db=db, clock=clock, seal=seal, charts=charts)
    styles = Styles(db=db, http=http, clock=clock)
    pages = _Pages(db=db, settings=settings, clock=clock, authorisation=authorisation, sign_in=sign_in, styles=styles)
    routes = Blueprint("launch", __name__)
    _serve_keys(routes, ClientKeys(db=db, seal=seal, clock=clock))

    @routes.get("/launch")
    @allow(Who.PUBLIC)
    def launch() -> AnyResponse:
        return pages.launch()

    @routes.get("/launch/go")
    @allow(Who.PUBLIC)
    def go() -> AnyResponse:
        return pages.go()

    @routes.get("/launch/standalone")
    @allow(Who.PUBLIC)
    def standalone() -> AnyResponse:
        return pages.standalone()

    @routes.get("/launch/callback")
    @allow(Who.PUBLIC)
    def callback() -> AnyResponse:
        return pages.callback()

    @routes.get("/launch/limits")
    @allow(Who.CLINICIAN)
    def limits() -> str:
        return pages.limits()

    @routes.get("/ehr-style.css")
    @allow(Who.CLINICIAN)
    def ehr_style() -> AnyResponse:
        return Response(styles.css(person().iss), mimetype="text/css")

    @routes.post("/sign-out")
    @allow(Who.PUBLIC)
    def sign_out() -> AnyResponse:
        return pages.sign_out()

    @routes.errorhandler(ChartsideError)
    def problem(error: ChartsideError) -> tuple[str, int]:
        return _problem(error)

    @routes.after_request
    def no_store(answer: Response) -> Response:
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return routes
