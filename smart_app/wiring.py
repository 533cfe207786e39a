"""The rooms, wired: what each of them is given, and nothing else."""

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Flask

from smart_app import kit as kits
from smart_app.call import routes as call
from smart_app.config import Settings
from smart_app.consent import routes as consent
from smart_app.help import routes as help_
from smart_app.kit import Kit
from smart_app.launch import routes as launch
from smart_app.launch.identity import BrowserIdentity
from smart_app.note import routes as note
from smart_app.note.ready_made import seed_templates
from smart_app.recording import routes as recording
from smart_app.transcript.dictate import Dictation
from smart_app.web import front, language, policy


def _register(app: Flask, make: Callable[..., Blueprint], **needs: object) -> None:
    """Register a room's routes with what the room needs."""
    app.register_blueprint(make(**needs))


def wire(settings: Settings, kit: Kit | None) -> Flask:
    """Make the web app; see `smart_app.create_app`."""
    made = kit or kits.make(settings)
    app = Flask("smart_app", template_folder="web/templates", static_folder="web/static")
    limiter = front.prepare(app, settings)
    language.prepare(app, settings)
    identity = BrowserIdentity(db=made.db, settings=settings, clock=made.clock, seal=made.seal)
    policy.enforce(app, identity, settings.base_url)
    front.serve_health(app, limiter, made.health, policy.allow(policy.Who.PUBLIC))
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
    )
    room(
        recording.blueprint,
        vault=made.vault,
        audio=made.audio,
        limiter=limiter,
        withdrawals=made.withdrawals,
        utterances_of=made.utterances_of,
        sound_of=made.sound.play,
    )
    dictation = Dictation.make(settings.speech_model, settings.speech_threads)
    room(
        note.blueprint,
        vault=made.vault,
        queue=made.jobs,
        patient_of=made.patient_of,
        on_signed=made.retention.on_signed,
        hear=dictation.text_of,
        speech_model=dictation.model,
    )
    app.register_blueprint(help_.blueprint(settings=settings, patient_of=made.patient_of))
    front.exempt_from_csrf(app, "recording.put_chunk")
    with made.db.begin() as db:
        seed_templates(db, made.clock.now())
    return app
