"""What our PHP module adds, by the HTTP contract of plugin/openemr/README.md: Consent, Media and {api}/chartside."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request

from tests.peers.openemr_like.answers import bundle, empty_html, json_answer
from tests.peers.openemr_like.guard import Caller
from tests.peers.openemr_like.module_gate import (
    FHIR_JSON,
    Resource,
    body,
    demand_encounter,
    demand_patient,
    demand_version,
    enter,
    fail,
    identifier,
    instant,
    is_below_app,
    resource_answer,
)
from tests.peers.openemr_like.settings import Settings
from tests.peers.openemr_like.store import ModuleRow, Store, this_second

FHIR = "/apis/default/fhir"
STATUSES = {"Consent": ("active", "rejected", "inactive"), "Media": ("in-progress", "completed", "stopped")}
PARAMETERS = {"patient", "subject", "identifier", "status", "encounter", "_id", "_lastUpdated", "_count"}
KEPT = ["create", "read", "search", "update"]
NOTICE_LIFETIME = timedelta(hours=24)


def routes(settings: Settings, store: Store) -> Blueprint:
    """Return Consent and Media, the module's own account, and its notices."""
    blueprint = Blueprint("module", __name__)
    for kind in STATUSES:
        kept = Kept(kind, settings, store)
        blueprint.add_url_rule(f"{FHIR}/{kind}", f"create{kind}", kept.create, methods=["POST"])
        blueprint.add_url_rule(f"{FHIR}/{kind}", f"search{kind}", kept.search, methods=["GET"])
        blueprint.add_url_rule(f"{FHIR}/{kind}/<id_>", f"update{kind}", kept.update, methods=["PUT"])
        blueprint.add_url_rule(f"{FHIR}/{kind}/<id_>", f"read{kind}", kept.read, methods=["GET"])

    @blueprint.get("/apis/default/api/chartside")
    def about() -> Response:
        who = enter(store, "api:oemr", "user", "chartside", "s")
        capabilities = {
            **dict.fromkeys(STATUSES, KEPT),
            "DocumentReference": ["create", "update"],
            "notice": ["create"],
            "joinLink": ["create"],
        }
        about = {"module": "chartside", "contract": 1, "version": "1.0.0", "username": who.user.username}
        return json_answer({**about, "aiConsent": who.user.ai_opt_in, "capabilities": capabilities})

    @blueprint.post("/apis/default/api/chartside")
    def notice() -> Response:
        who = enter(store, "api:oemr", "user", "chartside", "c")
        with store.lock:
            return _noticed(who, body(), settings, store)

    return blueprint


def _noticed(who: Caller, sent: Resource, settings: Settings, store: Store) -> Response:
    key, kind = sent.get("key"), sent.get("kind")
    if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,80}", key):
        fail(422, "value", "The key has 1 to 80 letters, digits, hyphens, underscores or dots.")
    row: dict[str, Any] = {"kind": kind, "key": key, "user": who.user.username, "pid": 0}
    if kind == "joinLink":
        row["pid"] = demand_patient(who, sent.get("patient"), settings)
        if not is_below_app(sent.get("url"), settings):
            fail(422, "value", "The link is not below the address of Chartside.")
        _check_expiry(sent.get("expires"))
        row["url"] = sent["url"]
    elif kind != "ready":
        fail(422, "value", "The kind is ready or joinLink.")
    known = next((one for one in store.notices if (one["kind"], one["key"]) == (kind, key)), None)
    if known is None:
        store.notices.append(row)
    elif (known["user"], known["pid"]) != (row["user"], row["pid"]):
        fail(409, "duplicate", "This key is used already.")
    return json_answer({"kind": kind, "key": key}, 201 if known is None else 200)


def _check_expiry(expires: Any) -> None:
    try:
        at = datetime.fromisoformat(str(expires).replace("Z", "+00:00"))
    except ValueError:
        at = datetime.min.replace(tzinfo=UTC)
    now = datetime.now(UTC)
    if not now < at.astimezone(UTC) <= now + NOTICE_LIFETIME:
        fail(422, "value", "The link expires within the next 24 hours.")


class Kept:
    """Consent or Media, kept as sent in the module's own table."""

    def __init__(self, kind: str, settings: Settings, store: Store) -> None:
        self._kind = kind
        self._settings = settings
        self._store = store

    def create(self) -> Response:
        """Keep a new one: 201; the same first identifier again: 200 as it stands; in another chart: 409."""
        who = self._enter("c")
        with self._store.lock:
            sent = body(self._kind)
            pid = self._demand_chart(who, sent)
            key = self._valid(sent)
            there = next((one for one in self._rows() if one.key == key), None)
            if there is not None:
                if there.pid != pid:
                    fail(409, "duplicate", "This identifier is used in another chart.")
                return self._answer(200, there)
            row = ModuleRow(kind=self._kind, pid=pid, key=key, body=sent, by=who.user.username)
            self._store.module_rows.append(row)
            return self._answer(201, row)

    def update(self, id_: str) -> Response:
        """Replace one that is in this chart, with the version it is based on."""
        who = self._enter("u")
        with self._store.lock:
            sent = body(self._kind, id_)
            demand_patient(who, self._patient_of(sent), self._settings)
            row = self._row(who, id_)
            self._demand_chart(who, sent)
            if self._valid(sent) != row.key:
                fail(422, "value", "The first identifier may not change.")
            demand_version(row.version)
            row.body, row.version, row.updated = sent, row.version + 1, this_second()
            return self._answer(200, row)

    def read(self, id_: str) -> Response:
        """Return one of this chart; an id of Media that is not the module's is core's, who has none here."""
        who = self._enter("r")
        if self._kind == "Media" and all(one.uuid != id_ for one in self._rows()):
            return empty_html(404)
        return self._answer(200, self._row(who, id_))

    def search(self) -> Response:
        """Return a searchset of this chart, newest first; core's Media answer what the module does not know."""
        who = self._enter("s")
        wanted = request.args.to_dict()
        if not wanted.keys() <= PARAMETERS:
            if self._kind == "Media":
                at = "2026-06-01T00:00:00+00:00"
                return json_answer(bundle([], fhir_url=self._settings.fhir_url, resource_type="Media", at=at))
            fail(400, "not-supported", f"Known are: {', '.join(sorted(PARAMETERS))}.")
        rows = [one for one in self._rows() if one.pid == who.bound().pid]
        tests = [self._test(name, value, who) for name, value in wanted.items()]
        shown = [self._shown(one) for one in sorted(rows, key=lambda one: one.updated, reverse=True)]
        found = [one for one in shown if all(test(one) for test in tests)]
        count = max(1, min(200, int(wanted.get("_count", "100"))))
        entries = [
            {
                "fullUrl": f"{self._settings.fhir_url}/{self._kind}/{one['id']}",
                "resource": one,
                "search": {"mode": "match"},
            }
            for one in found[:count]
        ]
        answer = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        response = json_answer({**answer, "entry": entries} if entries else answer)
        response.headers["Content-Type"] = FHIR_JSON
        return response

    def _enter(self, letter: str) -> Caller:
        return enter(self._store, "api:fhir", "patient", self._kind, letter)

    def _rows(self) -> list[ModuleRow]:
        return [one for one in self._store.module_rows if one.kind == self._kind]

    def _row(self, who: Caller, id_: str) -> ModuleRow:
        pid = who.patient.pid if who.patient else 0
        found = next((one for one in self._rows() if (one.uuid, one.pid) == (id_, pid)), None)
        if found is None:
            fail(404, "not-found", f"There is no such {self._kind} in this chart.")
        return found

    def _shown(self, row: ModuleRow) -> Resource:
        meta = {"versionId": str(row.version), "lastUpdated": instant(row.updated)}
        return {**row.body, "resourceType": self._kind, "id": row.uuid, "meta": {**row.body.get("meta", {}), **meta}}

    def _answer(self, status: int, row: ModuleRow) -> Response:
        return resource_answer(status, self._shown(row), self._settings)

    def _patient_of(self, sent: Resource) -> Any:
        whose = sent.get("patient" if self._kind == "Consent" else "subject")
        return whose.get("reference") if isinstance(whose, dict) else None

    def _demand_chart(self, who: Caller, sent: Resource) -> int:
        if self._kind == "Consent" and "patient" not in sent:
            fail(422, "required", "A Consent kept here names its patient.")
        pid = demand_patient(who, self._patient_of(sent), self._settings)
        for reference in _encounters(sent):
            demand_encounter(who, reference, self._settings, self._store)
        return pid

    def _valid(self, sent: Resource) -> tuple[str, str]:
        if sent.get("status") not in STATUSES[self._kind]:
            fail(422, "value", f"The status is not one of {', '.join(STATUSES[self._kind])}.")
        content = sent.get("content") or {}
        if self._kind == "Media" and "data" in content:
            fail(422, "value", "No sound is kept here.")
        if self._kind == "Media" and "url" in content and not is_below_app(content["url"], self._settings):
            fail(422, "value", "The address of the recording is not below that of Chartside.")
        return identifier(sent, 80)

    def _test(self, name: str, value: str, who: Caller) -> Callable[[Resource], bool]:
        tail = value.rpartition("/")[2]
        if name in {"patient", "subject"}:
            return lambda _: tail == who.bound().uuid
        if name == "_lastUpdated":
            return _when(value)
        tests: dict[str, Callable[[Resource], bool]] = {
            "_id": lambda one: bool(one["id"] == value),
            "status": lambda one: one["status"] in value.split(","),
            "identifier": lambda one: any(
                value in {each["value"], f"{each['system']}|{each['value']}"} for each in one["identifier"]
            ),
            "encounter": lambda one: tail in {each.rpartition("/")[2] for each in _encounters(one)},
        }
        return tests.get(name, lambda _: True)


def _encounters(sent: Resource) -> list[str]:
    data = (sent.get("provision") or {}).get("data") or []
    named = [str((one.get("reference") or {}).get("reference", "")) for one in data]
    found = [one for one in named if one.startswith("Encounter/") or "/Encounter/" in one]
    return [*found, sent["encounter"]["reference"]] if sent.get("encounter") else found


def _when(value: str) -> Callable[[Resource], bool]:
    match = re.fullmatch(r"(ge|gt|le|lt|)(\d{4}-\d{2}-\d{2}(?:T[0-9:.]+(?:Z|[+-]\d{2}:\d{2}))?)", value)
    if match is None:
        fail(400, "invalid", "A time is like ge2026-11-23 or lt2026-11-23T10:00:00Z.")
    is_day = len(match[2]) == len("2026-11-23")
    start = datetime.fromisoformat(match[2].replace("Z", "+00:00"))
    start = start.replace(tzinfo=UTC) if is_day else start
    end = start + timedelta(days=1, seconds=-1) if is_day else start
    checks: dict[str, Callable[[datetime], bool]] = {
        "ge": lambda at: at >= start,
        "gt": lambda at: at > end,
        "le": lambda at: at <= end,
        "lt": lambda at: at < start,
        "": lambda at: start <= at <= end,
    }
    return lambda one: checks[match[1]](datetime.fromisoformat(one["meta"]["lastUpdated"].replace("Z", "+00:00")))
