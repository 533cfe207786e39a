"""The rooms, wired: what each of them is given, and nothing else."""

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Flask, g

from smart_app import kit as kits
from smart_app.audit import routes as audit
from smart_app.call import routes as call
from smart_app.chart.http import origin
from smart_app.config import Settings
from smart_app.consent import routes as consent
from smart_app.draft.checks import rechecked
from smart_app.export import command as export
from smart_app.export import routes as export_routes
from smart_app.face import admin_routes as face_admin
from smart_app.face import routes as face
from smart_app.face.access import Doorkeeper
from smart_app.face.clients import Assertions
from smart_app.help import admin_routes, practice_routes, why_routes
from smart_app.help import routes as help_
from smart_app.help.practice import PracticeIdentity
from smart_app.kit import Kit
from smart_app.launch import routes as launch
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery
from smart_app.launch.identity import BrowserIdentity, browser_key
from smart_app.launch.introspection import Introspection
from smart_app.note import encounter_routes
from smart_app.note import routes as note
from smart_app.note.ready_made import seed_templates
from smart_app.ports import PRACTICE_PATIENT
from smart_app.recording import routes as recording
from smart_app.retention import routes as retention
from smart_app.store import site
from smart_app.transcript import languages
from smart_app.transcript.dictate import Dictation
from smart_app.web import front, language, limits, policy


def _register(app: Flask, make: Callable[..., Blueprint], **needs: object) -> None:
    """Register a room's routes with what the room needs."""
    app.register_blueprint(make(**needs))


def _site_facts(made: Kit) -> dict[str, object]:
    """Tell every page whether the assistant is off for this site (S01), and the walk-through's steps in practice.

    The server itself refuses in consent/gate.py.
    """
    who = g.get("person")
    is_practice = who is not None and who.patient_id.startswith(PRACTICE_PATIENT)
    with made.db.read() as db:
        asked = [who.iss] if who is not None else [ehr.iss for ehr in made.settings.ehrs]
        is_off = not any(site.is_ai_offered(db, iss) for iss in asked)
    return {
        "site_off": is_off,
        "is_practice": is_practice,
        "tour_steps": practice_routes.steps() if is_practice else [],
    }


def _door(made: Kit) -> Doorkeeper:
    """Return what lets FHIR clients in to our own face."""
    introspect = Introspection(
        http=made.http,
        keys=ClientKeys(db=made.db, seal=made.seal, clock=made.clock),
        discovery=Discovery(http=made.http, clock=made.clock),
    )
    return Doorkeeper(db=made.db, settings=made.settings, clock=made.clock, introspect=introspect)


def _knows_bearer(made: Kit, door: Doorkeeper, iss: str, patient_id: str, token: str) -> bool:
    """Say whether a token is one of ours or of the EHR's; neither gives sound to a FHIR client (C03)."""
    return door.knows(token) or made.charts.knows_bearer(iss, patient_id, token)


def wire(settings: Settings, kit: Kit | None) -> Flask:
    """Make the web app; see `smart_app.create_app`."""
    made = kit or kits.make(settings)
    app = Flask("smart_app", template_folder="web/templates", static_folder="web/static")
    limiter = front.prepare(app, settings)
    language.prepare(app, settings)
    identity = BrowserIdentity(db=made.db, settings=settings, clock=made.clock, seal=made.seal)
    policy.enforce(app, PracticeIdentity(identity, made.db), settings.base_url)
    front.serve_health(app, limiter, made.health, policy.allow(policy.Who.PUBLIC))
    door = _door(made)
    room = partial(_register, app, db=made.db, settings=settings, clock=made.clock, seal=made.seal)
    room(launch.blueprint, http=made.http, charts=made.charts)
    room(consent.blueprint, vault=made.vault, limiter=limiter, patient_of=made.patient_of)
    room(
        call.blueprint,
        vault=made.vault,
        queue=made.jobs,
        limiter=limiter,
        patient_of=made.patient_of,
        signed_in=identity.person,
        worker_facts=made.worker_facts,
        http=made.http,
        spoken=languages.choices(settings.speech_model),
    )
    room(
        recording.blueprint,
        vault=made.vault,
        audio=made.audio,
        limiter=limiter,
        withdrawals=made.withdrawals,
        utterances_of=made.utterances_of,
        sound_of=made.sound.play,
        knows_bearer=partial(_knows_bearer, made, door),
        charts=made.charts,
    )
    room(face.blueprint, limiter=limiter, door=door, assertions=Assertions(http=made.http, origin_of=origin))
    dictation = Dictation.make(settings.speech_model, settings.speech_threads)
    room(
        note.blueprint,
        vault=made.vault,
        queue=made.jobs,
        patient_of=made.patient_of,
        on_signed=made.retention.on_signed,
        recheck=rechecked,
        drafting=made.drafting,
        hear=dictation.text_of,
        speech_model=dictation.model,
    )
    app.register_blueprint(
        encounter_routes.blueprint(
            db=made.db, clock=made.clock, queue=made.jobs, charts=made.charts, patient_of=made.patient_of
        )
    )
    app.register_blueprint(help_.blueprint(settings=settings, patient_of=made.patient_of))
    app.register_blueprint(admin_routes.blueprint(db=made.db, clock=made.clock))
    app.register_blueprint(audit.blueprint(db=made.db, clock=made.clock, settings=settings))
    app.register_blueprint(retention.blueprint(db=made.db, clock=made.clock, signer=made.signer))
    app.register_blueprint(export_routes.blueprint(records=export.of_kit(made)))
    app.register_blueprint(face_admin.blueprint(db=made.db, clock=made.clock, settings=settings))
    app.register_blueprint(
        why_routes.blueprint(db=made.db, clock=made.clock, seal=made.seal, sources=made.why_sources())
    )
    app.register_blueprint(
        practice_routes.blueprint(
            db=made.db, clock=made.clock, seal=made.seal, create_note=made.desk.create, patient_of=made.patient_of
        )
    )
    app.context_processor(partial(_site_facts, made))
    limits.apply(app, limiter, partial(browser_key, settings))
    for endpoint in ("recording.put_chunk", *face.PUBLIC_ENDPOINTS):
        front.exempt_from_csrf(app, endpoint)
    with made.db.begin() as db:
        seed_templates(db, made.clock.now())
    return app
