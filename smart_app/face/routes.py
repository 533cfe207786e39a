"""The FHIR face over HTTP: metadata, read, search, and the token endpoint; every access leaves a line in the trail."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import cast

from flask import Blueprint, Response, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import HTTPException

from fhir_mappings import outcome
from fhir_mappings.elements import Resource
from fhir_mappings.model import Issue, Severity, Site
from smart_app.config import Settings
from smart_app.errors import BadInput, ChartsideError, Expired, NotFound
from smart_app.face import answers, parameters
from smart_app.face.access import Access, Doorkeeper
from smart_app.face.clients import Assertions, InvalidClient, granted
from smart_app.face.search import Search, cursor, understand
from smart_app.ports import Clock
from smart_app.store import audit_lines, face
from smart_app.store.database import Database, Db
from smart_app.store.face import Shown
from smart_app.store.sealed import Seal, token_hash
from smart_app.web.policy import View, Who, allow

TOKEN_LIFE = timedelta(minutes=5)
MOST_OPENED = 2000
"""How many sealed resources one search opens at most."""
LIMIT, ADDRESS_LIMIT, TOKEN_LIMIT = "600 per minute", "1200 per minute", "60 per minute"
"""For each token, for each address (whoever tries many tokens), and for the token endpoint."""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PUBLIC_ENDPOINTS = ("face.token", "face.search_by_post", "face.refuse_change")
"""Take no form of ours, so they are outside the protection of forms."""
_FORMATS = frozenset({"json", answers.FHIR_JSON, "application/json", "text/json", "application/*", "*/*"})
_CODES = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported"}
_CODES |= {410: "deleted", 413: "too-long", 429: "throttled", 503: "transient"}
_WORDS = {
    404: "There is nothing here. See metadata for what can be asked.",
    405: "This FHIR face can only be read.",
    429: "Too many requests. Wait a minute and try again.",
}


class _NotAcceptable(ChartsideError):
    status = 406


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcomes:
    """OperationOutcomes, and the answers that carry one."""

    site: Site

    def of(self, text: str, *, code: str, severity: Severity = "error") -> Resource:
        """Return an OperationOutcome with one issue."""
        return outcome.to_fhir(Issue(severity=severity, code=code, text=text), self.site)

    def answer(self, status: int, text: str) -> Response:
        """Return an answer that carries an error."""
        return _fhir(self.of(text, code=_CODES.get(status, "exception")), status)

    def refused(self, error: ChartsideError) -> Response:
        """Answer an error of ours."""
        answer = self.answer(error.status, f"{error.public} {error.todo}".strip())
        if error.status == 401:
            known = ', error="invalid_token"' if request.headers.get("Authorization") else ""
            answer.headers["WWW-Authenticate"] = f'Bearer realm="Chartside FHIR"{known}'
        elif error.code == "scope_missing":
            answer.headers["WWW-Authenticate"] = 'Bearer realm="Chartside FHIR", error="insufficient_scope"'
        return answer

    def http_error(self, error: HTTPException) -> Response:
        """Answer an error of the framework: no such address, no such method, too many requests."""
        status = error.code or 500
        answer = self.answer(status, _WORDS.get(status, "This request cannot be understood."))
        for name, value in error.get_headers():
            if name in {"Retry-After", "Allow"}:
                answer.headers[name] = value
        return answer


def _fhir(body: Resource, status: int = 200) -> Response:
    answer = jsonify(body)
    answer.status_code, answer.mimetype = status, answers.FHIR_JSON
    return answer


def _check_format() -> None:
    """Refuse a client that takes no JSON. Raises ChartsideError (406)."""
    # A plus sign in a query that nobody encoded arrives as a blank; parameters such as fhirVersion change nothing.
    asked = request.values.get("_format", "").replace("fhir json", "fhir+json")
    accepted = (asked or request.headers.get("Accept", "") or "*/*").lower().split(",")
    if not {each.partition(";")[0].strip() for each in accepted} & _FORMATS:
        raise _NotAcceptable("not_acceptable", "Chartside speaks FHIR as JSON only.", f"Accept {answers.FHIR_JSON}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One page of a search; `last` is the row behind which the next one begins, None when there is none."""

    found: list[Shown]
    total: int | None
    last: Shown | None


def _page(rest: list[Shown], count: int, total: int) -> _Page:
    found = rest[:count]
    return _Page(found=found, total=total, last=found[-1] if len(rest) > count else None)


def _is_more_behind(db: Db, found: Search, last: Shown) -> bool:
    return face.count(db, replace(found.wanted, after=(last.last_updated, last.id))) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    db: Database
    settings: Settings
    clock: Clock
    seal: Seal
    door: Doorkeeper
    outcomes: _Outcomes

    @property
    def base(self) -> str:
        return f"{self.settings.base_url}/fhir"

    @allow(Who.PUBLIC)
    def metadata(self) -> Response:
        """Say what the face offers."""
        _check_format()
        return _fhir(answers.statement(self.base))

    @allow(Who.PUBLIC)
    def smart_configuration(self) -> Response:
        """Say where tokens are had."""
        return jsonify(answers.smart_configuration(self.base))

    @allow(Who.BEARER)
    def read(self, resource_type: str, id_: str) -> Response:
        """Return one resource; 304 when the client has it, 410 when it is gone."""
        access = self._enter(resource_type, "r")
        with self.db.read() as db:
            shown = face.find(db, self.seal, resource_type, id_)
        if shown is None or not _is_in_reach(access, shown):
            raise NotFound("not_found", f"There is no such {resource_type}.", "Search for it.")
        self._trail(access, "fhir.read", f"{resource_type}/{id_}", patient=shown.patient_id, iss=shown.iss)
        if shown.body is None:
            raise Expired("gone", f"This {resource_type} is no longer here.", "Search for what there is now.")
        answer = _fhir(answers.resource(shown))
        answer.set_etag(str(shown.version), weak=True)
        answer.last_modified = shown.last_updated
        if request.if_none_match.contains_weak(str(shown.version)):
            answer.status_code, answer.data = 304, b""
        return answer

    @allow(Who.BEARER)
    def search(self, resource_type: str) -> Response:
        """Search by the parameters of the address."""
        return self._search(resource_type, list(request.args.items(multi=True)))

    @allow(Who.BEARER)
    def search_by_post(self, resource_type: str) -> Response:
        """Search by a form, so that no patient's id stands in an address."""
        return self._search(resource_type, [*request.args.items(multi=True), *request.form.items(multi=True)])

    def _search(self, resource_type: str, asked: list[tuple[str, str]]) -> Response:
        access = self._enter(resource_type, "s")
        found = understand(resource_type, asked, access.reach)
        if found.unknown and "handling=strict" in request.headers.get("Prefer", "").replace(" ", ""):
            raise BadInput("unknown_parameter", _not_known(found.unknown), "See metadata for what can be asked.")
        is_by_patient = bool(found.wanted.patients) and access.reach.patient_id is None
        if is_by_patient and not access.is_one_ehr and len(found.wanted.iss or ()) > 1:
            raise BadInput(
                "which_ehr",
                "Two EHRs may use the same patient id.",
                "Add _source with the FHIR base of the patient's EHR.",
            )
        page = self._find(found)
        detail = {"asked": ",".join(sorted({name for name, _ in asked}))[:200], "found": str(len(page.found))}
        # A line for each EHR: its administrators see whom of theirs was found, and nobody of another's.
        for iss in sorted({each.iss for each in page.found}) or [""]:
            patients = sorted({each.patient_id for each in page.found if each.iss == iss and each.patient_id})
            named = {"iss": iss} if iss else {}
            self._trail(access, "fhir.search", resource_type, **detail, **named, patient=",".join(patients))
        here = next((value for name, value in asked if name == "_cursor"), None)
        warning = None
        if found.unknown:
            warning = self.outcomes.of(_not_known(found.unknown), code="not-supported", severity="warning")
        body = answers.bundle(
            self.base,
            resource_type,
            page.found,
            total=page.total,
            kept=found.kept,
            after=cursor(page.last.last_updated, page.last.id) if page.last else None,
            here=here,
            warning=warning,
        )
        return _fhir(body)

    def _find(self, found: Search) -> _Page:
        """Return a page. Raises BadInput for a count that would open more resources than one request may."""
        everything = replace(found.wanted, after=None)
        with self.db.read() as db:
            rows = face.count(db, everything)
            if not found.checks:
                walked = face.walk(db, self.seal, found.wanted)
                return _page(list(islice(walked, found.count + 1)) if found.count else [], found.count, rows)
            if rows <= MOST_OPENED:
                fitting = [each for each in face.walk(db, self.seal, everything) if found.fits(each.body or {})]
                start = found.wanted.after
                rest = [each for each in fitting if start is None or (each.last_updated, each.id) > start]
                return _page(rest if found.count else [], found.count, len(fitting))
            if not found.count:
                raise BadInput(
                    "too_costly", "That is too much to count.", "Name a patient, or a range of _lastUpdated."
                )
            return self._part(db, found)

    def _part(self, db: Db, found: Search) -> _Page:
        """Return the matches among the next rows; the page may be short, and its next link goes on behind it."""
        fitting, last = list[Shown](), None
        for each in islice(face.walk(db, self.seal, found.wanted), MOST_OPENED):
            last = each
            if found.fits(each.body or {}):
                fitting.append(each)
                if len(fitting) == found.count:
                    break
        else:
            last = last if last is not None and _is_more_behind(db, found, last) else None
        return _Page(found=fitting, total=None, last=last)

    def _enter(self, resource_type: str, right: str) -> Access:
        """Check address, format, token and scope, in this order. Raises ChartsideError."""
        if resource_type not in parameters.TYPES:
            raise NotFound("no_such_type", f"Chartside shows no {resource_type[:60]}.", "See metadata.")
        access = self.door.access(request.headers.get("Authorization", ""))
        _check_format()
        try:
            access.demand(resource_type, right)
        except ChartsideError:
            self._trail(access, "fhir.refused", resource_type)
            raise
        return access

    def _trail(self, access: Access, action: str, subject: str, **detail: str) -> None:
        """Write the access into the trail before the answer leaves. Raises AuditUnavailable: then nothing leaves.

        In a transaction of its own after the reading, so that a long search never holds up a recording's chunks.
        """
        with self.db.begin() as db:
            audit_lines.append(
                db, at=self.clock.now(), actor=access.actor, action=action, subject=subject, detail=detail
            )

    @allow(Who.PUBLIC)
    def nothing(self, rest: str) -> Response:
        """Answer every other address below the face."""
        return self.outcomes.answer(404, _WORDS[404])

    @allow(Who.PUBLIC)
    def refuse_change(self, rest: str) -> Response:
        """Answer every attempt to change something."""
        return self.outcomes.answer(405, _WORDS[405])


def _not_known(names: tuple[str, ...]) -> str:
    return f"Not known here, and left out of the search: {', '.join(name[:60] for name in names[:10])}."


def _is_in_reach(access: Access, shown: Shown) -> bool:
    reach = access.reach
    return shown.iss in reach.iss and reach.patient_id in {None, shown.patient_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """The token endpoint: SMART backend services (client_credentials with private_key_jwt)."""

    db: Database
    settings: Settings
    clock: Clock
    assertions: Assertions

    @allow(Who.PUBLIC)
    def token(self) -> Response:
        """Give an access token for five minutes to a client that proves itself."""
        form = request.form
        if form.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type", "Only client_credentials is offered.")
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE or not 0 < len(assertion) <= 8192:
            return _oauth_error("invalid_request", "A client assertion (private_key_jwt) is needed.")
        try:
            return self._give(assertion, form.get("scope", ""))
        except InvalidClient as error:
            return _oauth_error("invalid_client", f"{error.public} {error.todo}", 401)

    def _give(self, assertion: str, asked: str) -> Response:
        now = self.clock.now()
        with self.db.read() as db:
            client = face.client(db, self.assertions.names(assertion))
        if client is None:
            raise InvalidClient("unknown_client", "There is no such client here, or it was revoked.")
        audience = f"{self.settings.base_url}/fhir/token"
        proof = self.assertions.check(assertion, client, audience=audience, now=now)
        scope, actor = granted(asked, client.scope), f"fhir-client:{client.client_id}"
        token = secrets.token_urlsafe(32)
        with self.db.begin() as db:
            is_first = face.use_jti(db, proof.jti_hash, until=proof.until, now=now)
            if is_first and scope:
                face.keep_token(
                    db,
                    token_hash(token),
                    client_id=client.client_id,
                    scope=scope,
                    expires_at=now + TOKEN_LIFE,
                    now=now,
                )
            action = "fhir.token" if is_first and scope else "fhir.token-refused"
            audit_lines.append(
                db, at=now, actor=actor, action=action, subject=client.client_id, detail={"scope": scope}
            )
        if not is_first:
            raise InvalidClient("assertion_used", "The client assertion was used before.")
        if not scope:
            return _oauth_error("invalid_scope", "The client is registered for none of these scopes.")
        lasts_s = int(TOKEN_LIFE.total_seconds())
        return jsonify({"access_token": token, "token_type": "bearer", "expires_in": lasts_s, "scope": scope})


def _oauth_error(code: str, words: str, status: int = 400) -> Response:
    answer = jsonify(error=code, error_description=words)
    answer.status_code = status
    return answer


def _who() -> str:
    """Return whom a rate limit counts: the token's holder, else the address."""
    header = request.headers.get("Authorization", "")
    return token_hash(header) if header else get_remote_address()


def blueprint(
    *,
    db: Database,
    settings: Settings,
    clock: Clock,
    seal: Seal,
    limiter: Limiter,
    door: Doorkeeper,
    assertions: Assertions,
) -> Blueprint:
    """Return the face's routes; PUBLIC_ENDPOINTS must be exempt from CSRF tokens."""
    room = Blueprint("face", __name__, url_prefix="/fhir")
    outcomes = _Outcomes(site=Site(base=settings.base_url, canonical=settings.canonical_url))
    view = _Face(db=db, settings=settings, clock=clock, seal=seal, door=door, outcomes=outcomes)
    tokens = _Tokens(db=db, settings=settings, clock=clock, assertions=assertions)
    slow, each, address = limiter.limit(TOKEN_LIMIT), limiter.limit(LIMIT, key_func=_who), limiter.limit(ADDRESS_LIMIT)

    def guarded(view: View) -> View:
        return cast(View, each(address(view)))

    room.get("/metadata")(view.metadata)
    room.get("/.well-known/smart-configuration")(view.smart_configuration)
    room.post("/token")(slow(tokens.token))
    room.get("/<resource_type>")(guarded(view.search))
    room.post("/<resource_type>/_search")(guarded(view.search_by_post))
    room.get("/<resource_type>/<id_>")(guarded(view.read))
    room.get("/<path:rest>")(guarded(view.nothing))
    room.route("/<path:rest>", methods=["POST", "PUT", "PATCH", "DELETE"])(guarded(view.refuse_change))
    room.register_error_handler(ChartsideError, outcomes.refused)
    room.register_error_handler(HTTPException, outcomes.http_error)
    return room
