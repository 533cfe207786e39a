"""The pages of a launch: sign-in without password, chart with the card of apps, authorization; and the way back."""

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request, session
from werkzeug.wrappers import Response as Answer

from tests.peers.openemr_like import scopes
from tests.peers.openemr_like.answers import empty_html, oauth_error, refuse
from tests.peers.openemr_like.clients import invalid_client
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Client, Grant, Store
from tests.peers.openemr_like.tokens import new_code

SMART_STYLE = '{"color_background":"#edeae3","color_error":"#9e2d2d","color_text":"#303030"}'


def authorize_routes(settings: Settings, store: Store) -> Blueprint:
    """Return authorize (GET and POST) and the style of the launch context."""
    blueprint = Blueprint("authorize", __name__)

    @blueprint.route("/oauth2/default/authorize", methods=["GET", "POST"])
    def authorize() -> Answer:
        asked = {**request.args.to_dict(), **request.form.to_dict()}
        client = store.clients.get(asked.get("client_id", ""))
        if client is None or not client.is_enabled or asked.get("redirect_uri") not in client.redirect_uris:
            return invalid_client()
        launch = store.launches.get(asked.get("launch", ""))
        refusal = _refusal(settings, client, asked, launch)
        if refusal is not None:
            return refusal
        if asked.get("answer") == "deny":
            return _back(asked, error="access_denied", hint="The user denied the request")
        has_picker = "launch/patient" in asked.get("scope", "").split()
        if launch and client.skips_login:
            return _finish(store, client, asked, launch["username"], is_skipping=True)
        if asked.get("answer") == "allow":
            username = asked.get("username") or (launch or {}).get("username", "")
            return _finish(store, client, asked, username, is_skipping=False)
        names = list(store.users) if not launch else [launch["username"]]
        patients = store.patients if has_picker else []
        page = render_template("authorize.html", asked=asked, users=names, patients=patients, client=client)
        return Response(page, content_type="text/html; charset=UTF-8")

    @blueprint.get("/oauth2/default/smart/smart-style")
    def smart_style() -> Response:
        return Response(SMART_STYLE, content_type="application/json")

    return blueprint


def _refusal(settings: Settings, client: Client, asked: dict[str, str], launch: dict[str, str] | None) -> Answer | None:
    """Return what is wrong with a request of a known client for one of its addresses."""
    bad = scopes.unknown(asked.get("scope", "").split(), has_module=settings.has_module)
    if bad:
        return _back(asked, error="invalid_scope", hint=f"Check the `{bad}` scope")
    if asked.get("launch") and (launch is None or launch["client_id"] != client.id):
        return oauth_error(400, "invalid_request", "The launch parameter is invalid.")
    if asked.get("aud", "") != settings.fhir_url:
        return oauth_error(400, "invalid_request", "The aud parameter is not this server.")
    return None


def _back(asked: dict[str, str], **more: str) -> Answer:
    """Return the browser to the app; this server sends no `iss` along (RFC 9207)."""
    words = {key: value for key, value in {**more, "state": asked.get("state", "")}.items() if value}
    return redirect(f"{asked['redirect_uri']}?{urlencode(words)}")


def _finish(store: Store, client: Client, asked: dict[str, str], username: str, *, is_skipping: bool) -> Answer:
    if username not in store.users:
        refuse(oauth_error(400, "invalid_request", "Unknown user."))
    launch = store.launches.get(asked.get("launch", ""))
    # With "skip EHR launch authorization" the token holds all that was registered, not what was asked for.
    scope = client.scope if is_skipping else _registered_of(client, asked["scope"])
    has_picker = "launch/patient" in asked["scope"].split()
    grant = Grant(
        client_id=client.id,
        username=username,
        scope=scope,
        redirect_uri=asked["redirect_uri"],
        challenge=asked.get("code_challenge", ""),
        nonce=asked.get("nonce", ""),
        is_launch=launch is not None,
    )
    if launch is not None:
        grant.patient = launch["patient"]
        if not has_picker:  # launch/patient in an EHR launch: the picker's patient, and encounter and intent are lost
            grant.encounter, grant.intent = launch["encounter"], launch["intent"]
    if has_picker and asked.get("patient"):
        grant.patient = asked["patient"]
    return _back(asked, code=new_code(store, grant))


def _registered_of(client: Client, asked: str) -> str:
    """Return what of the asked scope the client was registered with."""
    known = client.scope.split()
    kept = []
    for word in asked.split():
        scope = scopes.parse(word)
        if scope is None:
            kept += [word] if word in known else []
            continue
        held = scopes.letters_of(client.scope, scope.level, scope.resource)
        kept += [word] if set(scope.letters) <= set(held) else []
    return " ".join(kept)


def page_routes(settings: Settings, store: Store) -> Blueprint:
    """Return the pages a browser journey walks: sign-in, charts, one chart with its framed apps."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.route("/interface/login", methods=["GET", "POST"])
    def login() -> Answer:
        if request.method == "POST" and request.form.get("username") in store.users:
            session["username"] = request.form["username"]
            return redirect("/interface/finder")
        return Response(render_template("login.html", users=store.users.values()))

    @blueprint.get("/interface/finder")
    def finder() -> Answer:
        if "username" not in session:
            return redirect("/interface/login")
        return Response(render_template("finder.html", patients=store.patients))

    @blueprint.get("/interface/patient_file/<int:pid>")
    def chart(pid: int) -> Answer:
        patient = store.patient(pid)
        if "username" not in session or patient is None:
            return redirect("/interface/login")
        visits = [one for one in store.encounters if one.pid == pid]
        chosen = request.args.get("encounter", "")
        apps = [one for one in store.clients.values() if one.is_enabled]
        return Response(
            render_template("chart.html", patient=patient, visits=visits, chosen=chosen, apps=apps, settings=settings)
        )

    @blueprint.get("/interface/smart/ehr-launch-client.php")
    def launch() -> Answer:
        client = store.clients.get(request.args.get("client_id", ""))
        patient = store.patient(request.args.get("pid", ""))
        if "username" not in session or client is None or patient is None:
            return empty_html(403)
        launch_id = store.open_launch(
            client_id=client.id,
            username=session["username"],
            patient=patient.uuid,
            encounter=request.args.get("encounter", ""),
            intent=request.args.get("intent", "patient.demographics.dialog"),
        )
        return redirect(launch_url(settings, client, launch_id))

    return blueprint


def launch_url(settings: Settings, client: Client, launch_id: str) -> str:
    """Return the address that the frame opens."""
    return f"{client.launch_uri}?{urlencode({'launch': launch_id, 'iss': settings.fhir_url})}"
