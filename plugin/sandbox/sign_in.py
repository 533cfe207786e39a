"""Signing in at the sandbox, and the public pages of its authorization server."""

from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError
from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, session
from joserfc.jwk import RSAKey
from werkzeug.wrappers import Response as BaseResponse

from plugin.sandbox.chart import Chart, signed_in
from plugin.sandbox.discovery import openid_configuration, smart_configuration
from plugin.sandbox.faults import Faults
from plugin.sandbox.grants import GrantStore, LaunchContext
from plugin.sandbox.oauth import SmartAuthorizationServer
from plugin.sandbox.people import PEOPLE, Person
from plugin.sandbox.settings import SandboxSettings

AUTHORIZE_PATH = "/oauth/authorize"


def make_sign_in() -> Blueprint:
    """Return the sign-in page: one click for each user, no password, since nothing here is real."""
    routes = Blueprint("sign_in", __name__)

    @routes.get("/")
    def choose() -> str:
        return render_template("sign_in.html", people=PEOPLE.values())

    @routes.post("/sign-in")
    def sign_in() -> BaseResponse:
        person = PEOPLE.get(request.form.get("user", "")) or abort(400)
        waiting = session.get("after_sign_in", "")
        session.clear()
        session["user_id"] = person.id
        return redirect(waiting if waiting.startswith(f"{AUTHORIZE_PATH}?") else "/patients", 303)

    @routes.post("/sign-out")
    def sign_out() -> BaseResponse:
        session.clear()
        return redirect("/", 303)

    return routes


def make_discovery(settings: SandboxSettings, key: RSAKey) -> Blueprint:
    """Return the documents that anybody may read."""
    routes = Blueprint("discovery", __name__)

    @routes.get("/fhir/.well-known/smart-configuration")
    def smart() -> Response:
        return jsonify(smart_configuration(settings))

    @routes.get("/.well-known/openid-configuration")
    def openid() -> Response:
        return jsonify(openid_configuration(settings))

    @routes.get("/oauth/jwks")
    def jwks() -> Response:
        return jsonify(keys=[key.as_dict(private=False)])

    return routes


class Authorization:
    """The authorization endpoint: no question in a launch from the chart, a patient picker otherwise."""

    def __init__(self, server: SmartAuthorizationServer, grants: GrantStore, chart: Chart, faults: Faults) -> None:
        self._faults = faults
        self._server = server
        self._grants = grants
        self._chart = chart

    def ask(self) -> BaseResponse:
        """Answer GET /oauth/authorize."""
        person = signed_in()
        try:
            grant = self._server.get_consent_grant(end_user=person)
        except OAuth2Error as error:
            return self._refuse(error)
        if (played := self._fault(grant)) is not None:
            return self._refuse(played)
        if person is None:
            session["after_sign_in"] = request.full_path
            return redirect("/", 303)
        if launch := request.args.get("launch"):
            context = self._grants.take_launch(launch, person.id)
            return self._finish(grant, context, "The launch is unknown, used, expired or another user's.")
        return self._page(person)

    def _fault(self, grant: Any) -> OAuth2Error | None:
        """Return the error that is played; what is wrong with client or address never goes back to the app."""
        name, sentence = self._faults.at_authorization()
        if not name:
            return None
        if name == "invalid_scope":
            return InvalidScopeError(sentence, redirect_uri=grant.redirect_uri, state=request.args["state"])
        return InvalidRequestError(sentence)

    def decide(self) -> BaseResponse:
        """Answer the approve page: the same request in the URL, the choice in the form."""
        person = signed_in() or abort(403)
        try:
            grant = self._server.get_consent_grant(end_user=person)
        except OAuth2Error as error:
            return self._refuse(error)
        if request.form.get("decision") != "allow":
            response = self._server.create_authorization_response(grant_user=None, grant=grant)
            return self._server.with_issuer(response)
        patient = request.form.get("patient", "") if self._wants_patient() else ""
        if self._wants_patient() and patient not in {row["id"] for row in self._chart.patients()}:
            abort(400)
        return self._finish(grant, LaunchContext(user_id=person.id, patient=patient), "")

    def _wants_patient(self) -> bool:
        return "launch/patient" in request.args.get("scope", "").split()

    def _page(self, person: Person) -> Response:
        page = render_template(
            "authorize.html",
            app_name=self._chart.registration.name,
            scopes=request.args.get("scope", "").split(),
            patients=self._chart.patients() if self._wants_patient() else [],
            query=request.query_string.decode("ascii", "replace"),
            person=person,
        )
        return Response(page, content_type="text/html; charset=utf-8")

    def _finish(self, grant: Any, context: LaunchContext | None, why_not: str) -> BaseResponse:
        if context is None:
            return self._refuse(
                InvalidRequestError(why_not, redirect_uri=grant.redirect_uri, state=request.args["state"])
            )
        response = self._server.create_authorization_response(grant_user=context, grant=grant)
        return self._server.with_issuer(response)

    def _refuse(self, error: OAuth2Error) -> BaseResponse:
        """Send the error to the app where its address is known to be its own; else show it here."""
        if error.redirect_uri:
            return self._server.with_issuer(self._server.handle_error_response(None, error))
        page = render_template(
            "error.html", title="This app cannot be connected", sentence=error.description or error.error
        )
        return Response(page, status=400, content_type="text/html; charset=utf-8")


def make_oauth(server: SmartAuthorizationServer, authorization: Authorization, faults: Faults) -> Blueprint:
    """Return the OAuth endpoints; their protection is OAuth's own, so they stand outside the CSRF check."""
    routes = Blueprint("oauth", __name__)

    @routes.get(AUTHORIZE_PATH)
    def authorize() -> BaseResponse:
        return authorization.ask()

    @routes.post(AUTHORIZE_PATH)
    def authorize_post() -> BaseResponse:
        # The sign-in cookie is SameSite=Lax and does not come with another site's POST: go on as a GET.
        asked = [*request.args.items(multi=True), *request.form.items(multi=True)]
        return redirect(f"{AUTHORIZE_PATH}?{urlencode(asked)}", 303)

    @routes.post("/oauth/token")
    def token() -> Response:
        if (played := faults.at_token(request.form.get("grant_type", ""))) is not None:
            answer = jsonify(played[1])
            answer.status_code = played[0]
            return answer
        response: Response = server.create_token_response()
        return response

    return routes


def make_decision(authorization: Authorization) -> Blueprint:
    """Return the route behind the approve page (checked against CSRF like every form of ours)."""
    routes = Blueprint("decision", __name__)

    @routes.post("/oauth/decision")
    def decide() -> BaseResponse:
        return authorization.decide()

    return routes
