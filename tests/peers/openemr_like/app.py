"""Wires the poor server together; the list below is all it serves."""

import secrets

from flask import Flask, Response
from joserfc.jwk import RSAKey

from tests.peers.openemr_like import (
    clients,
    control,
    faults,
    fhir_reads,
    launch,
    module,
    module_notes,
    standard_api,
    tokens,
)
from tests.peers.openemr_like.answers import empty_html
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import Store


def create_app(settings: Settings, store: Store) -> Flask:
    """Return the server."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    app.config["SESSION_COOKIE_NAME"] = "OpenEMR"
    key = RSAKey.generate_key(2048, auto_kid=False)
    faults.install(app, settings, store)
    app.register_blueprint(fhir_reads.public_routes(settings, store))
    app.register_blueprint(clients.routes(settings, store))
    app.register_blueprint(launch.authorize_routes(settings, store))
    app.register_blueprint(launch.page_routes(settings, store))
    app.register_blueprint(tokens.routes(settings, store, key))
    app.register_blueprint(fhir_reads.routes(settings, store))
    app.register_blueprint(standard_api.patient_routes(store))
    app.register_blueprint(standard_api.document_routes(store))
    app.register_blueprint(standard_api.text_routes(store))
    if settings.has_module:
        app.register_blueprint(module.routes(settings, store))
        app.register_blueprint(module_notes.routes(settings, store))
    app.register_blueprint(control.routes(settings, store))

    @app.errorhandler(404)
    @app.errorhandler(405)
    def no_route(_: Exception) -> Response:
        return empty_html(404)  # a wrong method is an unknown route here, never 405

    return app
