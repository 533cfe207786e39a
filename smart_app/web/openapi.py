"""Our HTTP interface as an OpenAPI 3.1 document, made from the routes themselves: none can be forgotten.

What a route may answer follows from its policy, its method and its address; what is particular stands in the tables.
"""

import re
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from smart_app.web.policy import Who

Document = dict[str, Any]
_CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")
_STATUSES = {
    200: "Done, or what was asked for",
    201: "Stored",
    204: "Nothing to show",
    302: "Found elsewhere",
    303: "Done; go on there",
    304: "Not changed",
    400: "The request cannot be understood, or is out of date",
    401: "Nobody is signed in, or the proof is over",
    403: "Not allowed, or consent is missing",
    404: "There is nothing here for who asks",
    405: "This can only be read",
    406: "Only FHIR as JSON is spoken",
    409: "It does not fit how things stand now",
    410: "Over, or erased",
    413: "More than is taken at once",
    415: "No sound that can be read",
    429: "Too many requests",
    502: "The EHR refused",
    503: "The EHR or the audit trail does not answer",
    507: "The disk is nearly full, or the session is",
}
_OF_POLICY: dict[Who, frozenset[int]] = {
    Who.PUBLIC: frozenset(),
    Who.CLINICIAN: frozenset({401, 503}),
    Who.ADMIN: frozenset({401, 403, 503}),
    Who.IN_ROOM: frozenset({401}),
    Who.INVITED: frozenset({401, 409}),
    Who.GRANT: frozenset({201, 401, 403, 409, 410, 415, 503, 507}),
    Who.COPY_LINK: frozenset({410}),
    Who.BEARER: frozenset({304, 400, 401, 403, 404, 406, 410, 503}),
}
_OF_CHANGES = frozenset({303, 400, 403, 409, 413, 415})
_MORE: dict[str, frozenset[int]] = {
    "consent.question": frozenset({204, 409}),
    "consent.shown_again": frozenset({204, 409}),
    "call.question_on_device": frozenset({204}),
    "consent.opt_in_record": frozenset({404}),
    "encounter.page": frozenset({409, 502}),
    "launch.launch": frozenset({303, 400, 502}),
    "launch.go": frozenset({303, 400, 502}),
    "launch.standalone": frozenset({303, 400, 502}),
    "launch.callback": frozenset({303, 400, 401, 502}),
    "launch.jwks": frozenset({400}),
    "recording.media": frozenset({401, 403, 410}),
    "recording.start": frozenset({507}),
    "recording.grants": frozenset({410, 507}),
    "call.join": frozenset({404, 410}),
    "note.create": frozenset({404, 410}),
    "call.invite": frozenset({410}),
    "call.invite_sample_client": frozenset({502}),
    "note.own_page": frozenset({409}),
    "note.pdf": frozenset({409}),
    "face.token": frozenset({401}),
    "face.refuse_change": frozenset({401, 405}),
    "face.metadata": frozenset({406}),
    "why.why": frozenset({400, 404}),
    "audit.page": frozenset({400}),
    **{f"export.{name}": frozenset({404}) for name in ("look", "as_fhir", "as_page", "plan", "erase")},
    "audit.export": frozenset({400}),
    "note.template_new": frozenset({404}),
    "static": frozenset({304}),
}
"""What single routes answer beside what their policy, method and address let expect."""
_TEXT, _FLAG, _NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
_OBJECT: Document = {"type": "object"}
_TEXTS, _OBJECTS = {"type": "array", "items": _TEXT}, {"type": "array", "items": _OBJECT}
_CHUNK = {"type": "object", "properties": {"run": _NUMBER, "number": _NUMBER}, "required": ["run", "number"]}
_LAST: Document = {"last?": {"type": "object", "additionalProperties": _CHUNK}}
_RUN = {"track_id": _TEXT, "run": _NUMBER, "start_ms": _NUMBER, "mime": _TEXT}
_RUNS = {"type": "array", "items": {"type": "object", "properties": _RUN, "required": list(_RUN)}}
_REVISION, _SPEECH = {"revision": _NUMBER}, {"language": _TEXT}
_ANSWER = {"consent_id": _TEXT, "agrees": _FLAG, "text_version": _NUMBER, "language?": _TEXT}
_BODIES: dict[str, Document] = {
    "call.join": {"token": _TEXT},
    "call.admit": {"recognised": _FLAG, "role": _TEXT, "is_minor?": _FLAG, "is_same_person?": _FLAG, **_LAST},
    "call.add_in_person": {"name": _TEXT, "role": _TEXT, "is_minor": _FLAG, "is_same_person?": _FLAG, **_LAST},
    **{f"call.{name}": _LAST for name in ("end", "again", "leave")},
    "call.ready": {"name": _TEXT, "is_camera": _FLAG, "is_microphone": _FLAG},
    "call.post_signal": {"to": _TEXT, "body": _OBJECT},
    "call.media_state": {"is_muted": _FLAG, "is_camera_off": _FLAG},
    "call.answer_on_device": _ANSWER,
    "call.allow_on_device": {"text_version": _NUMBER, "language": _TEXT},
    **{f"{name}": _SPEECH for name in ("call.choose", "consent.choose", "consent.choose_in_room")},
    "call.speak_on_device": {"language?": _TEXT},
    "consent.switch": {"is_on": _FLAG},
    "consent.answer": _ANSWER,
    "consent.allow_after_all": {"text_version": _NUMBER, "language": _TEXT},
    "consent.copy": {"token": _TEXT},
    "recording.withdraw_by_copy_link": {"token": _TEXT},
    "recording.stop": _LAST,
    "recording.grants": {
        "recording_id": _TEXT,
        "runs": _RUNS,
        "tab?": _TEXT,
        "claims?": _FLAG,
        "takes_over?": _FLAG,
    },
    "note.create": {"session_id": _TEXT, "template_id": _TEXT, "time_zone?": _TEXT},
    "note.save": {**_REVISION, "elements": _OBJECTS},
    "note.sign": {**_REVISION, "attests": _FLAG},
    "note.correct": {**_REVISION, "seen?": _TEXT, "text?": _TEXT, "speaker?": _TEXT, "name?": _TEXT},
    "note.redraft": {**_REVISION, "part": _TEXT, "keep": _TEXTS},
    "note.details": {**_REVISION, "time_zone?": _TEXT},
    **{f"note.{name}": _REVISION for name in ("insert", "discard", "save_to_chart")},
    "note.note_setting": {"place?": _TEXT, "telehealth_consent?": _TEXT},
    "note.say_place": {"place": _TEXT},
    "note.template_create": {"title": _TEXT, "elements": _OBJECTS},
    "note.template_save": {"title": _TEXT, "version": _NUMBER, "elements": _OBJECTS},
    "note.template_preview": {"elements": _OBJECTS},
    "note.template_rename": {"title": _TEXT},
}
"""The fields of JSON bodies; those with `?` may be left out."""
_FORMS: dict[str, Document] = {
    "admin.turn": {"ai_offered": {"enum": ["on", "off"]}},
    "call.open_session": {"modality?": _TEXT},
    "encounter.choose": {"encounter": _TEXT},
    **{f"export.{name}": {"patient": _TEXT} for name in ("look", "as_fhir", "as_page", "plan")},
    "export.erase": {"patient": _TEXT, "code": _TEXT, "again": _TEXT},
    "face.token": {
        "grant_type": {"enum": ["client_credentials"]},
        "client_assertion_type": _TEXT,
        "client_assertion": _TEXT,
        "scope?": _TEXT,
    },
    "face_admin.add": {"name": _TEXT, "scope": _TEXTS, "iss?": _TEXT, "jwks?": _TEXT, "jwks_uri?": _TEXT},
    "note.decide": {"decision": {"enum": ["amend", "theirs"]}},
    "note.own_save": {
        "style": _TEXT,
        "then?": {"enum": ["note", "back", ""]},
        "version?": _NUMBER,
        "dictated?": {"enum": ["yes"]},
        **{f"{name}?": _TEXT for name in ("note", "template_id", "time_zone", "part-subjective", "part-text")},
    },
}
"""The fields of forms, written alike. What is in neither table takes an empty body."""
_FILES: dict[str, str] = {"recording.put_chunk": "application/octet-stream", "note.dictate": "audio/webm"}
"""Bodies that are sound."""
_QUERIES: dict[str, tuple[str, ...]] = {
    "launch.launch": ("iss", "launch"),
    "launch.go": ("ticket",),
    "launch.standalone": ("iss",),
    "launch.callback": ("state", "code", "iss", "error", "error_description"),
    "launch.jwks": ("alg",),
    "call.join_page": ("lang",),
    "call.fetch_signals": ("after",),
    "note.chart": ("show",),
    "note.own_page": ("note", "style"),
    "note.pdf": ("time_zone",),
    "note.crisis": ("opened",),
    "note.quality_csv": ("month",),
    "note.template_page": ("left_out",),
    "why.why": ("session", "note", "template"),
    "audit.page": ("patient", "actor", "kind", "since", "until", "before", "after"),
    "audit.export": ("patient", "actor", "kind", "since", "until"),
    "retention.page": ("before",),
    "face.search": ("patient", "_id", "_count", "_lastUpdated", "_summary", "_total", "status", "date", "category"),
}
"""The query parameters that a route reads."""
_SCHEMES: dict[Who, str] = {
    Who.CLINICIAN: "clinician",
    Who.ADMIN: "clinician",
    Who.IN_ROOM: "participant",
    Who.INVITED: "participant",
    Who.GRANT: "grant",
    Who.BEARER: "bearer",
}


def _statuses(rule: Rule, method: str, who: Who) -> list[int]:
    found = {200, 429} | _OF_POLICY[who] | _MORE.get(rule.endpoint, frozenset())
    if rule.arguments:
        found |= {404, 410}
    if method != "GET":
        found |= _OF_CHANGES
    if who in {Who.IN_ROOM, Who.INVITED, Who.CLINICIAN} and rule.arguments:
        found |= {403}
    return sorted(found)


def _in_path(rule: Rule) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _NUMBER if kind == "int" else _TEXT}
        for kind, name in _CONVERTER.findall(rule.rule)
    ]


def _in_query(endpoint: str) -> list[Document]:
    return [{"name": name, "in": "query", "required": False, "schema": _TEXT} for name in _QUERIES.get(endpoint, ())]


def _operation(rule: Rule, method: str, who: Who, says: str) -> Document:
    made: Document = {
        "operationId": f"{rule.endpoint}.{method.lower()}",
        "summary": says,
        "responses": {str(status): {"description": _STATUSES[status]} for status in _statuses(rule, method, who)},
        "x-policy": who.value,
    }
    if who in _SCHEMES:
        made["security"] = [{_SCHEMES[who]: []}]
    if parameters := [*_in_path(rule), *_in_query(rule.endpoint)]:
        made["parameters"] = parameters
    if method in {"POST", "PUT", "PATCH"}:
        content = _content(rule.endpoint)
        is_required = any("required" in each["schema"] for each in content.values())
        made["requestBody"] = {"required": is_required, "content": content}
    return made


def _object(fields: Document) -> Document:
    made: Document = {"type": "object", "properties": {name.removesuffix("?"): each for name, each in fields.items()}}
    if required := [name for name in fields if not name.endswith("?")]:
        made["required"] = required
    return made


def _content(endpoint: str) -> Document:
    if kind := _FILES.get(endpoint):
        return {kind: {"schema": {"type": "string", "format": "binary"}}}
    if endpoint == "note.template_take_in":
        return {"multipart/form-data": {"schema": _object({"file": {"type": "string", "format": "binary"}})}}
    if (fields := _FORMS.get(endpoint)) is not None:
        return {"application/x-www-form-urlencoded": {"schema": _object(fields)}}
    if (fields := _BODIES.get(endpoint)) is not None:
        return {"application/json": {"schema": _object(fields)}}
    return {kind: {"schema": _OBJECT} for kind in ("application/x-www-form-urlencoded", "application/json")}


def document(app: Flask) -> Document:
    """Return the OpenAPI document of every route of the app."""
    paths: dict[str, Document] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        view = app.view_functions[rule.endpoint]
        who = Who.PUBLIC if rule.endpoint == "static" else getattr(view, "policy", Who.PUBLIC)
        says = (view.__doc__ or "").strip().partition("\n")[0] or rule.endpoint
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            address = _CONVERTER.sub(r"{\2}", rule.rule)
            paths.setdefault(address, {})[method.lower()] = _operation(rule, method, who, says)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chartside",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Every route, and who may call it (x-policy). /fhir is for FHIR clients, and its "
            "CapabilityStatement describes it too; the others serve Chartside's own pages and may change with them.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "clinician": {"type": "apiKey", "in": "cookie", "name": "__Host-chartside"},
                "participant": {"type": "apiKey", "in": "cookie", "name": "__Host-chartside-room"},
                "grant": {"type": "apiKey", "in": "header", "name": "X-Capture-Grant"},
                "bearer": {"type": "http", "scheme": "bearer"},
            }
        },
    }
