"""What every answer gets: security headers, CSRF protection, rate limits, error pages with a code and what to do."""

import hmac
import secrets
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask_compress import Compress
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from smart_app.config import Settings
from smart_app.errors import BadInput, ChartsideError, NotFound, TooLarge
from smart_app.logs import place_of
from smart_app.web import language
from smart_app.web.bodies import TextJson
from smart_app.web.counters import SharedFile

log = structlog.get_logger()

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(), geolocation=()",
}
_MOST_BODY_BYTES = 2_000_000
DEFAULT_LIMIT = "12000 per minute"
"""For each address: a whole clinic behind one router polls and clicks without ever meeting it; what can be guessed at
has limits of its own."""


def prepare(app: Flask, settings: Settings) -> Limiter:
    """Set the app up; return the limiter, which rooms use for stricter limits on single routes."""
    app.json = TextJson(app)
    app.config.update(
        SECRET_KEY=hmac.digest(settings.signing_key.reveal(), b"chartside csrf", "sha256"),
        SESSION_COOKIE_NAME="chartside-form" if settings.is_loopback_dev else "__Host-chartside-form",
        SESSION_COOKIE_SECURE=not settings.is_loopback_dev,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # the policy checks Origin and Sec-Fetch-Site; we send no referrer
        MAX_CONTENT_LENGTH=_MOST_BODY_BYTES,
        COMPRESS_MIMETYPES=["text/css", "text/javascript"],  # files only: a page's secrets are not compressed
        RATELIMIT_HEADERS_ENABLED=True,
    )
    if settings.proxies:  # else anybody could name an address, and with it escape the limits
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    Compress(app)
    app.before_request(_begin)
    app.after_request(_finish)
    app.extensions["chartside_csrf"] = CSRFProtect(app)
    app.register_error_handler(ChartsideError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _broken)
    own_file = f"{SharedFile.STORAGE_SCHEME[0]}://{settings.data_dir / 'limits.sqlite'}"
    return Limiter(
        get_remote_address,
        app=app,
        default_limits=[DEFAULT_LIMIT],
        storage_uri=settings.limits_url or own_file,
        # Where Redis is away each process counts alone: a limit must not stop a session or a withdrawal.
        in_memory_fallback_enabled=bool(settings.limits_url),
    )


def exempt_from_csrf(app: Flask, endpoint: str) -> None:
    """Take a route out of CSRF protection: its own proof stands in the request (a capture grant)."""
    app.extensions["chartside_csrf"].exempt(app.view_functions[endpoint])


def serve_health(app: Flask, limiter: Limiter, read: Callable[[], dict[str, Any]], mark: Callable[[Any], Any]) -> None:
    """Serve /healthz: whether the database answers, when a worker was last alive, the oldest unerased recording."""

    def healthz() -> Response:
        """Say how the process is."""
        return jsonify(read())

    app.add_url_rule("/healthz", view_func=limiter.exempt(mark(healthz)))


def _begin() -> None:
    g.request_id = secrets.token_hex(6)


def _finish(response: AnyResponse) -> AnyResponse:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="application/json")
    return request.is_json or best == "application/json" or request.path.startswith("/chunks/")


def _refused(error: ChartsideError) -> tuple[str | Response, int]:
    """Answer an error of ours: JSON for scripts, a page for people; the same code, sentence and advice in both."""
    log.info("refused", code=error.code, status=error.status, endpoint=request.endpoint, request=g.get("request_id"))
    spoken = language.current()
    facts = {
        "code": error.code,
        "public": language.translate(error.public, spoken),
        "todo": language.translate(error.todo, spoken),
        "request_id": g.get("request_id", ""),
    }
    if _wants_json():
        return jsonify(facts), error.status
    return render_template("error.html", **facts, signed_in=g.get("person") is not None), error.status


def _http_error(error: HTTPException) -> tuple[str | Response, int] | AnyResponse:
    if error.code is None or error.code < 400:
        return error.get_response()
    if isinstance(error, CSRFError):
        return _refused(_Form())
    known: dict[int, ChartsideError] = {
        404: NotFound(),
        413: TooLarge("too_large", "That is more than Chartside takes at once.", "Send less."),
        429: _TooMany(),
    }
    other = BadInput("bad_request", "This request cannot be understood.", "Reload the page and try again.")
    refused = known.get(error.code, other)
    body, _status = _refused(refused)
    return body, error.code


class _Form(ChartsideError):
    status = 400

    def __init__(self) -> None:
        super().__init__("form_expired", "This page is out of date.", "Reload it and try again.")


class _TooMany(ChartsideError):
    status = 429

    def __init__(self) -> None:
        super().__init__("too_many", "Too many requests from here.", "Wait a minute and try again.")


class _Fault(ChartsideError):
    def __init__(self) -> None:
        super().__init__(
            "fault", "Something went wrong in Chartside.", "Try again; if it stays, tell your administrator."
        )


def _broken(error: Exception) -> tuple[str | Response, int]:
    """Answer a fault of ours without its text; the log gets its kind and place, never its words (T11)."""
    place = place_of(error.__traceback__)
    log.error("fault", error=type(error).__name__, place=place, endpoint=request.endpoint, request=g.get("request_id"))
    return _refused(_Fault())
