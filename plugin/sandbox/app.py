"""The sandbox EHR as one Flask app: the wiring list."""

from urllib.parse import urlsplit

from flask import Flask, Response, render_template
from flask_wtf.csrf import CSRFError, CSRFProtect

from plugin.sandbox import chart as chart_pages
from plugin.sandbox import gateway as fhir_gateway
from plugin.sandbox.chart import Chart, signed_in
from plugin.sandbox.faults import Faults
from plugin.sandbox.grants import GrantStore
from plugin.sandbox.oauth import make_server
from plugin.sandbox.settings import SandboxSettings, load_cookie_key, load_registration, load_signing_key
from plugin.sandbox.sign_in import Authorization, make_decision, make_discovery, make_oauth, make_sign_in
from plugin.sandbox.store_client import StoreClient

MAX_BODY_BYTES = 12_000_000


def create_app(settings: SandboxSettings, store: StoreClient) -> Flask:
    """Wire the sandbox EHR on a running FHIR server."""
    registration = load_registration(settings)
    key = load_signing_key(settings)
    grants = GrantStore(settings.data_dir / "authorization.sqlite")
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=load_cookie_key(settings),
        SESSION_COOKIE_NAME="sandbox_ehr",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        TRUSTED_HOSTS=[f"{settings.host}:{settings.port}", f"127.0.0.1:{settings.port}"],
        WTF_CSRF_TIME_LIMIT=None,
    )
    chart = Chart(settings, registration, store, grants)
    server = make_server(app, settings, registration, grants, key)
    faults = Faults(settings.data_dir)
    authorization = Authorization(server, grants, chart, faults)
    gateway = fhir_gateway.make_blueprint(fhir_gateway.Gateway(settings, grants, store, faults))
    oauth = make_oauth(server, authorization, faults)
    pages = [make_sign_in(), make_decision(authorization), chart_pages.make_blueprint(chart)]
    for blueprint in (make_discovery(settings, key), gateway, oauth, *pages):
        app.register_blueprint(blueprint)
    csrf = CSRFProtect(app)
    csrf.exempt(gateway)
    csrf.exempt(oauth)
    _add_shell(app, settings, registration.launch_url)
    return app


def _add_shell(app: Flask, settings: SandboxSettings, launch_url: str) -> None:
    """Add what every page shares: who is signed in, headers, error pages, the health check."""
    address = urlsplit(launch_url)
    app_origin = f"{address.scheme}://{address.netloc}"
    policy = (
        f"default-src 'self'; frame-src {app_origin}; form-action 'self' {app_origin};"
        " frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )

    @app.context_processor
    def who() -> dict[str, object]:
        return {"user": signed_in()}

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ready", "fhir": settings.fhir_base_url}

    @app.errorhandler(404)
    def not_found(_: Exception) -> tuple[str, int]:
        return render_template("error.html", title="Not found", sentence="There is no such page in this EHR."), 404

    @app.errorhandler(CSRFError)
    def form_expired(_: Exception) -> tuple[str, int]:
        sentence = "The form was too old or came from elsewhere. Go back, reload the page and try again."
        return render_template("error.html", title="Form not accepted", sentence=sentence), 400
