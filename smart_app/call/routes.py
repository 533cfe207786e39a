"""The session room, the join link, presence, signalling, Leave and End, over HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Request, jsonify, make_response, redirect, render_template, request, url_for
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from smart_app.call import (
    ending,
    ice,
    identity,
    in_person_routes,
    presence,
    rows,
    sample_client,
    spoken_routes,
    state,
)
from smart_app.config import Settings
from smart_app.consent import given, language_routes, questions, stopping
from smart_app.errors import BadInput, Conflict, MoveRefused, NotAllowed, NotFound
from smart_app.ports import Clock, Http, PatientFacts, Person, Queue, Vault
from smart_app.session import State
from smart_app.spoken import ENGLISH_ONLY
from smart_app.store import audit_lines, consents, participants, recordings, sessions, signals
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal
from smart_app.store.tables import Participant, TelehealthSession
from smart_app.web import language
from smart_app.web.policy import Who, allow, in_room, person

JOIN_LIMIT = "20 per minute"
_COOKIE_LASTS = timedelta(days=7)
_SECOND_CLICK = timedelta(seconds=10)
_MOST_SIGNALS = 2_000
_LAST_SIGNAL = 2**63 - 1
"""The database counts no further."""
_SIGNAL_BYTES = 64_000
_NAME_LETTERS = 80

PatientOf = Callable[[Person], PatientFacts]
"""Opens the patient facts that were read at this browser session's launch."""
WorkerFacts = Callable[[Db, TelehealthSession], Mapping[str, Any]]
"""Says {is_alive, queue_place, expected_s: [low, high], heard_share} of the worker for this session."""
SignedIn = Callable[[Request], Person | None]


def _one(people: list[Participant], participant_id: str) -> Participant:
    found = next((row for row in people if row.id == participant_id), None)
    if found is None:
        raise NotFound
    return found


def _body() -> Mapping[str, Any]:
    return given.fields(request.get_json(silent=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doors:
    """Opening a session, inviting and joining."""

    db: Database
    settings: Settings
    clock: Clock
    seal: Seal
    queue: Queue
    patient_of: PatientOf
    signed_in: SignedIn
    http: Http
    asker: questions.Asker
    spoken: Mapping[str, str]

    @allow(Who.CLINICIAN)
    def open_session(self) -> Response:
        """Start a session for the launch's patient and encounter; a second click finds the first one's session.

        The form says the modality: video, or in-person for people in one room.
        """
        who, now = person(), self.clock.now()
        modality = request.form.get("modality", sessions.VIDEO)
        if modality not in (sessions.VIDEO, sessions.IN_PERSON):
            raise BadInput("bad_field", "The session's kind is missing or wrong.", "Reload the page and try again.")
        with self.db.begin() as db:
            session = sessions.just_opened(db, who, since=now - _SECOND_CLICK)
            if session is None:
                is_on = consents.clinician(db, who.clinician_id).ai_consent
                session = sessions.create(
                    db, self.seal, who, self.patient_of(who), ai_consent=is_on, at=now, modality=modality
                )
                participants.add_clinician(db, self.seal, session.id, name=who.name, at=now)
                audit_lines.append(db, at=now, actor=who.fhir_user, action="session.start", subject=session.id)
        return redirect(url_for("call.room", session_id=session.id), 303)

    @allow(Who.CLINICIAN)
    def room(self, session_id: str) -> str:
        """Show the session room."""
        who = person()
        with self.db.read() as db:
            session = sessions.of_person(db, session_id, who)
            participant_id = participants.clinician_of(db, session.id).id
            is_recorded = bool(recordings.of_session(db, session.id))
        return render_template(
            "room.html",
            spoken=self.spoken,
            session_language=session.language,
            is_language_fixed=is_recorded,
            person=who,
            session_id=session.id,
            is_in_person=session.modality == sessions.IN_PERSON,
            participant_id=participant_id,
            patient=sessions.patient_of(self.seal, session),
            sample_client=bool(self.settings.sample_client_url),
            ai_switch_url=url_for("consent.profile"),
        )

    def _invite(self, session_id: str, spoken: str = "") -> tuple[identity.Invitation, str]:
        who, lasts = person(), timedelta(minutes=self.settings.join_link_minutes)
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            if session.modality == sessions.IN_PERSON:
                raise MoveRefused("in_person", "This session is in person.", "Add each person by name.")
            made = identity.invite(db, session, lasts=lasts, actor=who.fhir_user, at=self.clock.now())
        page = f"{self.settings.base_url}{url_for('call.join_page')}{language.in_link(spoken) if spoken else ''}"
        return made, f"{page}#t={made.token}"

    @allow(Who.CLINICIAN)
    def invite(self, session_id: str) -> Response:
        """Make a join link; its token is in the fragment and is shown this once (T03).

        The body may say the client's language: the page opens in it, and the message to send is written in it.
        """
        spoken = language_routes.chosen() if "language" in _body() else ""
        made, url = self._invite(session_id, spoken)
        return jsonify(
            participant_id=made.participant_id,
            url=url,
            qr=identity.qr_code(url),
            expires_at=made.expires_at.isoformat(),
            message=identity.message(url, spoken or language.ENGLISH),
        )

    @allow(Who.CLINICIAN)
    def invite_sample_client(self, session_id: str) -> Response:
        """Let the demo's sample client join by a real link; not there outside the demo."""
        if not self.settings.sample_client_url:
            raise NotFound
        _, url = self._invite(session_id)
        sample_client.ask_to_join(self.http, self.settings.sample_client_url, url)
        return jsonify({})

    @allow(Who.PUBLIC)
    def join_page(self) -> str:
        """Show the client's page; nothing about anybody before the link is checked."""
        return render_template("join.html")

    @allow(Who.PUBLIC)
    def join(self) -> Response:
        """Take the link's token and let the browser in with a cookie; the clinician admits the person."""
        token, now = given.text(_body(), "token"), self.clock.now()
        name = identity.cookie_name(self.settings)
        with self.db.begin() as db:
            self._refuse_clinicians_browser(db, token)
            joined = identity.join(db, token, cookie=request.cookies.get(name, ""), at=now)
            row = participants.find(db, joined.session_id, joined.participant_id)
            questions.speak(db, self.asker, row, language.current(), at=now)
            clinician = participants.clinician_of(db, joined.session_id)
            clinician_name = participants.name_of(self.seal, clinician)
        answer = make_response(
            jsonify(session_id=joined.session_id, participant_id=joined.participant_id, clinician_name=clinician_name)
        )
        answer.set_cookie(
            name,
            joined.cookie,
            max_age=_COOKIE_LASTS,
            secure=not self.settings.is_loopback_dev,
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return answer

    def _refuse_clinicians_browser(self, db: Db, token: str) -> None:
        """One browser cannot be both sides: its requests could not be told apart."""
        who = self.signed_in(request)
        row = identity.by_token(db, token)
        if who is not None and row is not None and sessions.find(db, row.session_id).clinician_id == who.clinician_id:
            raise Conflict(
                "clinicians_browser",
                "You are signed in as the clinician in this browser.",
                "Open the link on the client's device, in another browser or in a private window.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Host:
    """What the clinician does with the room and the people in it."""

    db: Database
    clock: Clock
    seal: Seal
    queue: Queue
    asker: questions.Asker

    def _participant(self, db: Db, session_id: str, participant_id: str) -> tuple[TelehealthSession, Participant]:
        session, row = identity.of_clinicians_session(db, person(), session_id, participant_id)
        if row.is_clinician:
            raise NotAllowed
        return session, row

    @allow(Who.CLINICIAN)
    def admit(self, session_id: str, participant_id: str) -> Response:
        """Admit somebody whom the clinician recognises, in a role (decision 16)."""
        body = _body()
        if not given.flag(body, "recognised"):
            raise BadInput("not_recognised", "Admit only people whom you recognise.", "Or turn them away.")
        with self.db.begin() as db:
            session, row = self._participant(db, session_id, participant_id)
            presence.admit(
                db,
                self.asker,
                session,
                row,
                role=given.text(body, "role", most=20),
                is_minor=given.may_say(body, "is_minor"),
                is_same_person=given.may_say(body, "is_same_person"),
                actor=person().fhir_user,
                last=given.last_chunks(body),
                at=self.clock.now(),
            )
        return jsonify({})

    @allow(Who.CLINICIAN)
    def shut_out(self, session_id: str, participant_id: str) -> Response:
        """Revoke an invitation, or turn somebody away: their link and their browser's cookie end."""
        who, now = person(), self.clock.now()
        with self.db.begin() as db:
            session, row = self._participant(db, session_id, participant_id)
            identity.shut_out(db, row, at=now)
            stopping.let_go(db, session, row.id, actor=who.fhir_user, at=now)
            audit_lines.append(db, at=now, actor=who.fhir_user, action="invitation.revoke", subject=row.id)
        return jsonify({})

    @allow(Who.CLINICIAN)
    def end(self, session_id: str) -> Response:
        """End Session for everybody and start the processing, exactly once (S25)."""
        who, last = person(), given.last_chunks(_body())
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            was_ended = ending.end(db, session, last=last, actor=who.fhir_user, at=self.clock.now())
        if was_ended and session.state == State.ENDED:
            self.queue.wake(session.id)
        return jsonify(state=session.state)

    @allow(Who.CLINICIAN)
    def again(self, session_id: str) -> Response:
        """Start a new session for everyone here (S08)."""
        who, last = person(), given.last_chunks(_body())
        with self.db.begin() as db:
            session = sessions.of_person(db, session_id, who, for_update=True)
            fresh, was_ended = ending.start_again(db, self.seal, session, who, last=last, at=self.clock.now())
        if was_ended and session.state == State.ENDED:
            self.queue.wake(session.id)
        return jsonify(session_id=fresh.id, url=url_for("call.room", session_id=fresh.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """What everybody in the room does."""

    db: Database
    settings: Settings
    clock: Clock
    seal: Seal
    asker: questions.Asker
    worker_facts: WorkerFacts

    def _me(self, db: Db, session_id: str) -> Participant:
        return participants.find(db, session_id, in_room().participant_id)

    def _me_admitted(self, db: Db, session_id: str) -> Participant:
        row = self._me(db, session_id)
        if row.admitted_at is None:
            raise NotAllowed("not_admitted", "You are in the waiting room.", "The clinician will let you in.")
        return row

    @allow(Who.INVITED)
    def ready(self, session_id: str) -> Response:
        """Note the name after the device check: now in the waiting room."""
        body, now = _body(), self.clock.now()
        name = given.text(body, "name", most=_NAME_LETTERS)
        given.flag(body, "is_camera")
        given.flag(body, "is_microphone")
        with self.db.begin() as db:
            row = self._me(db, session_id)
            if row.admitted_at is None or row.name_sealed is None:
                # Once admitted, a name cannot be changed: the clinician recognised the person under it.
                participants.set_name(self.seal, row, name)
            row.joined_at = row.joined_at or now
            if row.admitted_at is None:
                row.seen_at = now  # later the polls say it, which look at the consent too
        return jsonify({})

    @allow(Who.IN_ROOM)
    def state(self, session_id: str) -> Response:
        """Return the facts; asking for them shows that one is here."""
        me, now = in_room().participant_id, self.clock.now()
        with self.db.read() as db:
            people = participants.of_session(db, session_id)
            if not presence.is_heartbeat_due(_one(people, me), now):
                return self._facts(db, people, me, now)
        with self.db.begin() as db:
            presence.heartbeat(db, self.asker, session_id, me, at=now)
        with self.db.read() as db:
            return self._facts(db, participants.of_session(db, session_id), me, now)

    def _facts(self, db: Db, people: list[Participant], me: str, now: datetime) -> Response:
        viewer = _one(people, me)
        session = sessions.find(db, viewer.session_id)
        worker = self.worker_facts(db, session) if viewer.is_clinician else {}
        found = rows.read(
            db,
            self.seal,
            session,
            people,
            worker=worker,
            copy_url=self._copy_url(viewer),
            wants_receipts=not viewer.is_clinician and viewer.copy_link_hash is not None,
        )
        return jsonify(state.facts(found, viewer, now))

    def _copy_url(self, viewer: Participant) -> str | None:
        if viewer.copy_link_hash is None:
            return None
        token = questions.copy_token(self.settings, viewer.id, viewer.copy_link_hash)
        return f"{self.settings.base_url}{url_for('consent.copy_page')}#t={token}"

    @allow(Who.IN_ROOM)
    def ice(self, session_id: str) -> Response:
        """Tell an admitted participant how to connect, with TURN credentials of their own that end by themselves."""
        with self.db.read() as db:
            me = self._me_admitted(db, session_id)
        return jsonify(ice.configuration(self.settings, me.id, self.clock.now()))

    @allow(Who.IN_ROOM)
    def post_signal(self, session_id: str) -> Response:
        """Leave a line for another participant (WebRTC offers, answers, candidates)."""
        body = _body()
        line = body.get("body")
        if not isinstance(line, dict) or len(json.dumps(line)) > _SIGNAL_BYTES:
            raise BadInput("bad_field", "The request's body is missing or wrong.", "Reload the page and try again.")
        with self.db.begin() as db:
            me = self._me_admitted(db, session_id)
            to = participants.find(db, session_id, given.text(body, "to", most=40))
            if to.admitted_at is None:
                raise NotFound
            if signals.count_for(db, to.id) >= _MOST_SIGNALS:
                raise BadInput("mailbox_full", "They do not fetch their messages.", "Ask them to reload the page.")
            signals.post(db, session_id, from_id=me.id, to_id=to.id, body=line, at=self.clock.now())
        return jsonify({})

    @allow(Who.IN_ROOM)
    def fetch_signals(self, session_id: str) -> Response:
        """Return the lines after the one that the page has; those up to it are dropped."""
        after = min(max(0, request.args.get("after", default=0, type=int)), _LAST_SIGNAL)
        with self.db.read() as db:
            me = self._me_admitted(db, session_id)
            waiting = signals.count_for(db, me.id)
            found = signals.after(db, me.id, after)
        if after and waiting > len(found):
            with self.db.begin() as db:
                signals.forget_fetched(db, me.id, after)
        return jsonify(signals=found, last=found[-1]["id"] if found else after)

    @allow(Who.IN_ROOM)
    def leave(self, session_id: str) -> Response:
        """Leave Session: it stays open and nothing is processed (S26)."""
        asking, last = in_room(), given.last_chunks(_body())
        actor = asking.person.fhir_user if asking.person is not None else asking.participant_id
        with self.db.begin() as db:
            session = sessions.find(db, session_id, for_update=True)
            presence.leave(db, session, self._me(db, session_id), actor=actor, last=last, at=self.clock.now())
        return jsonify({})

    @allow(Who.IN_ROOM)
    def back(self, session_id: str) -> Response:
        """Rejoin after leaving."""
        with self.db.begin() as db:
            session = sessions.find(db, session_id, for_update=True)
            presence.come_back(db, self.asker, session, self._me(db, session_id), at=self.clock.now())
        return jsonify({})

    @allow(Who.IN_ROOM)
    def media_state(self, session_id: str) -> Response:
        """Note whether microphone and camera are off, for the others to see."""
        body = _body()
        is_muted, is_camera_off = given.flag(body, "is_muted"), given.flag(body, "is_camera_off")
        with self.db.begin() as db:
            row = self._me(db, session_id)
            row.is_muted, row.is_camera_off = is_muted, is_camera_off
        return jsonify({})


def blueprint(
    *,
    db: Database,
    settings: Settings,
    clock: Clock,
    seal: Seal,
    vault: Vault,
    queue: Queue,
    limiter: Limiter,
    patient_of: PatientOf,
    signed_in: SignedIn,
    worker_facts: WorkerFacts,
    http: Http,
    spoken: Mapping[str, str] = ENGLISH_ONLY,
) -> Blueprint:
    """Return the room's routes; `signed_in` finds the clinician of a browser (Identify.person).

    `spoken` are the languages, with names, that the speech model understands.
    """
    room = Blueprint("call", __name__)
    asker = questions.Asker(settings=settings, seal=seal, vault=vault)
    doors = _Doors(
        db=db,
        settings=settings,
        clock=clock,
        seal=seal,
        queue=queue,
        patient_of=patient_of,
        signed_in=signed_in,
        http=http,
        asker=asker,
        spoken=spoken,
    )
    host = _Host(db=db, clock=clock, seal=seal, queue=queue, asker=asker)
    inside = _Room(db=db, settings=settings, clock=clock, seal=seal, asker=asker, worker_facts=worker_facts)
    room.post("/sessions")(doors.open_session)
    room.get("/sessions/<session_id>", endpoint="room")(doors.room)
    room.post("/sessions/<session_id>/invitations")(doors.invite)
    room.post("/sessions/<session_id>/sample-client")(doors.invite_sample_client)
    room.get("/join")(doors.join_page)
    room.post("/join")(limiter.limit(JOIN_LIMIT)(doors.join))
    room.post("/sessions/<session_id>/invitations/<participant_id>/revoke", endpoint="revoke")(host.shut_out)
    room.post("/sessions/<session_id>/participants/<participant_id>/turn-away", endpoint="turn_away")(host.shut_out)
    room.post("/sessions/<session_id>/participants/<participant_id>/admit")(host.admit)
    room.post("/sessions/<session_id>/end")(host.end)
    room.post("/sessions/<session_id>/again")(host.again)
    spoken_routes.serve(room, db=db, clock=clock, languages=spoken)
    in_person_routes.serve(room, db=db, settings=settings, clock=clock, seal=seal, asker=asker)
    room.post("/room/<session_id>/ready")(inside.ready)
    room.get("/room/<session_id>/state")(inside.state)
    room.get("/room/<session_id>/ice")(inside.ice)
    room.post("/room/<session_id>/signals")(inside.post_signal)
    room.get("/room/<session_id>/signals")(inside.fetch_signals)
    room.post("/room/<session_id>/leave")(inside.leave)
    room.post("/room/<session_id>/back")(inside.back)
    room.post("/room/<session_id>/media-state")(inside.media_state)
    return room
