"""The authorisation matrix: every route of the app, asked by everybody of the street; who may is said by its policy.

A route with a path value, a policy or a body that this table does not know fails: a new one is looked at by a person.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from smart_app.web.policy import Who
from tests.web.street import ADMIN, CLIENT, OTHERS, OWNER, OWNER_ELSEWHERE, SIGNED_IN, Street

REFUSED = frozenset({401, 403, 404, 410})
EVERYBODY = (*SIGNED_IN, *OTHERS)
OWNED_BY_CLINICIAN = frozenset({"template_id"})
"""What is a clinician's own in every chart; all other things are of one chart."""
IN_EVERY_CHART = frozenset({"note.seen"})
"""Notices pop up wherever in the app the clinician is (S29), and are put away there."""
SITE_WIDE = frozenset({"client_id", "resource_type", "id_", "rest", "version", "spoken", "filename"})
"""What belongs to nobody's chart, or is guarded by another proof than a cookie."""

_ELEMENT = {"link_id": "plan", "title": "Plan", "type": "text"}
_OF_A_NOTE: dict[str, Any] = {"json": {"revision": 1, "elements": [], "attests": True}}
BODIES: dict[str, dict[str, Any]] = {
    "note.create": {"json": {"session_id": "DONE", "template_id": "soap-progress-note"}},
    "why.why": {"query_string": {"session": "DONE"}},
    "note.own_page": {"query_string": {"note": "NOTE"}},
    **{f"export.{name}": {"data": {"patient": "carol"}} for name in ("look", "as_fhir", "as_page", "plan", "erase")},
    "recording.put_chunk": {"data": b"sound", "content_type": "application/octet-stream"},
    "encounter.choose": {"data": {"encounter": "none"}},
    "call.choose": {"json": {"language": "es"}},
    "call.speak_on_device": {"json": {"language": "es"}},
    "call.admit": {"json": {"recognised": True, "role": "partner"}},
    "call.add_in_person": {"json": {"name": "Intruder", "role": "partner", "is_minor": False}},
    "recording.grants": {"json": {"recording_id": "RECORDING", "runs": []}},
    "note.decide": {"data": {"decision": "theirs"}},
    "note.correct": {"json": {"revision": 1, "seen": "x", "text": "y"}},
    "note.redraft": {"json": {"revision": 1, "part": "subjective", "keep": []}},
    "note.template_save": {"json": {"title": "Stolen", "version": 1, "elements": [_ELEMENT]}},
    "note.save": {"json": {"revision": 1, "elements": []}},
    **{f"note.{name}": _OF_A_NOTE for name in ("details", "discard", "insert", "save_to_chart", "sign")},
}
"""Requests that name a thing elsewhere than in the path, or that need a body to come as far as the owner's check."""
NAMES_NOTHING = frozenset(
    {
        "admin.turn",
        "call.join",
        "call.open_session",
        "consent.choose",
        "consent.switch",
        "face.refuse_change",
        "face.search_by_post",
        "face.token",
        "face_admin.add",
        "launch.sign_out",
        "note.template_create",
        "note.template_preview",
        "note.template_take_in",
        "practice.begin",
        "practice.done",
    }
)
"""Changes by POST without a thing in the path, whose bodies name nobody's either: only answers are looked at."""
NOBODY_EVER = frozenset({"recording.media"})
"""Sound for FHIR clients: refused to everybody (C03)."""
ENDS_THINGS = ("withdraw", "turn-away", "revoke", "discard", "archive", "leave", "left", "again", "/end", "sign-out")
"""What the owner's own turn comes to last, because it ends what the others need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """One request of one person at one door."""

    endpoint: str
    method: str
    path: str
    who: str
    variant: str
    request: dict[str, Any]
    may: bool | None
    """None: anybody is answered, and the answer holds nothing of the owner's."""

    def words(self) -> str:
        """Say who asked what."""
        return f"{self.method} {self.path} by {self.who} ({self.variant})"


def rules(app: Flask) -> list[tuple[Rule, str, Who]]:
    """Return every route with each of its methods and its policy. Fails for a route without one."""
    found = []
    for rule in app.url_map.iter_rules():
        policy = Who.PUBLIC if rule.endpoint == "static" else getattr(app.view_functions[rule.endpoint], "policy", None)
        assert isinstance(policy, Who), f"{rule} declares no policy"
        found += [(rule, method, policy) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return sorted(found, key=lambda each: (each[0].rule, each[1]))


def _owner_may(who: str, session: str | None, names: set[str], street: Street) -> bool:
    if who == OWNER:
        return True
    is_live = session in (street.live.id, street.here_id) and not names & {"note_id", "line_id"}
    return who == OWNER_ELSEWHERE and (is_live or (session is None and names <= OWNED_BY_CLINICIAN))


def _names_a_thing(rule: Rule) -> bool:
    return bool(set(rule.arguments) - SITE_WIDE) or rule.endpoint in {"note.create", "why.why"}


def _may(policy: Who, who: str, session: str | None, rule: Rule, street: Street) -> bool | None:
    """Say whether somebody may, by the policy and by whose the things in the path are."""
    names = set(rule.arguments) - SITE_WIDE
    if rule.endpoint in NOBODY_EVER:
        return False
    if policy is Who.PUBLIC:
        return None
    if policy is Who.ADMIN:
        return who in (OWNER, OWNER_ELSEWHERE, ADMIN)
    if policy is Who.INVITED:
        return who == CLIENT and session == street.live.id
    if policy is Who.IN_ROOM:
        is_client = who == CLIENT and session == street.live.id
        return is_client or _owner_may(who, session, names, street)
    if policy is Who.CLINICIAN:
        if not _names_a_thing(rule):
            return None if who in SIGNED_IN else False
        if rule.endpoint in IN_EVERY_CHART and who == OWNER_ELSEWHERE:
            return True
        chart_bound = session if rule.arguments else street.done.id
        return _owner_may(who, chart_bound, names, street)
    return None


def _filled(value: Any, session: str | None, street: Street) -> Any:
    """Put the ids where a body names them."""
    if isinstance(value, dict):
        return {name: _filled(each, session, street) for name, each in value.items()}
    ids = {"DONE": street.done.id, "NOTE": street.note_id, "RECORDING": street.values["recording_id"]}
    return ids.get(value, value) if isinstance(value, str) else value


def _proofs(policy: Who, who: str, street: Street) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Return the proofs beside the cookie that a policy asks for: what it is called, the request's part, whether good.

    Who asks does not count there; the good proof is shown by the owner alone, which is its control.
    """
    if policy is Who.GRANT:
        proofs = {"no grant": "", "made up": "x" * 43, **street.grants}
        for name, token in proofs.items():
            yield name, {"headers": {"X-Capture-Grant": token} if token else {}}, name == "good"
    elif policy is Who.COPY_LINK:
        for name, token in {"made up": "x" * 43, **street.copies}.items():
            yield name, {"json": {"token": token}}, name == "good"
    elif policy is Who.BEARER:
        for name, token in {"no token": "", "made up": "x" * 43, **street.bearers}.items():
            yield name, {"headers": {"Authorization": f"Bearer {token}"} if token else {}}, name == "good"


def _by_proof(rule: Rule, method: str, policy: Who, who: str, street: Street) -> Iterator[Knock]:
    """Knock with each proof. Another EHR's FHIR client is let in, and must find nothing of this one."""
    body = BODIES.get(rule.endpoint, {})
    for name, part, is_good in _proofs(policy, who, street):
        if is_good and who != OWNER:
            continue
        is_page = policy is Who.COPY_LINK and method == "GET"
        finds_nothing = policy is Who.BEARER and name == "foreign" and "id_" not in rule.arguments
        own_of_another = policy is Who.COPY_LINK and name == "foreign"
        may = None if is_page or finds_nothing or own_of_another else is_good
        yield Knock(
            endpoint=rule.endpoint,
            method=method,
            path=_path(rule, None, street),
            who=who,
            variant=name,
            request={} if is_page else {**body, **part},
            may=may,
        )


def _path(rule: Rule, session: str | None, street: Street) -> str:
    here = session or street.live.id
    values = {**street.values, "session_id": here, "participant_id": street.participants[here]}
    if set(rule.arguments) - set(values):
        missing = sorted(set(rule.arguments) - set(values))
        raise AssertionError(f"give the authorisation matrix a value for {missing} of {rule} (tests/web/street.py)")
    path = rule.rule
    for name in rule.arguments:
        for converter in ("", "int:", "path:"):
            path = path.replace(f"<{converter}{name}>", values[name])
    return path


def _sessions(rule: Rule, who: str, street: Street, *, is_short: bool) -> dict[str, str | None]:
    """Return the sessions to name in a path: of the short form strangers try the live one only."""
    if "session_id" not in rule.arguments:
        return {"as it is": None}
    is_one_enough = is_short and who not in (OWNER, OWNER_ELSEWHERE, CLIENT)
    return {name: id_ for name, id_ in street.sessions.items() if name == "live" or not is_one_enough}


def knocks(street: Street, *, is_short: bool = False) -> list[Knock]:
    """Return the whole matrix; of the short form strangers try one session of the three, and one proof each."""
    found: list[Knock] = []
    for rule, method, policy in rules(street.site.app):
        is_known = bool(set(rule.arguments) - SITE_WIDE) or rule.endpoint in BODIES or rule.endpoint in NAMES_NOTHING
        guarded_elsewhere = policy in {Who.ADMIN, Who.GRANT, Who.COPY_LINK, Who.BEARER}
        assert method == "GET" or is_known or guarded_elsewhere, (
            f"{method} {rule}: say in tests/web/doors.py whether its body names a thing of somebody's"
        )
        for who in EVERYBODY:
            if policy in {Who.GRANT, Who.COPY_LINK, Who.BEARER}:
                if who in (OWNER, "anonymous") or not is_short:
                    found += _by_proof(rule, method, policy, who, street)
                continue
            for variant, session in _sessions(rule, who, street, is_short=is_short).items():
                body = BODIES.get(rule.endpoint, {"json": {}} if method != "GET" else {})
                found.append(
                    Knock(
                        endpoint=rule.endpoint,
                        method=method,
                        path=_path(rule, session, street),
                        who=who,
                        variant=variant,
                        request=_filled(body, session, street),
                        may=_may(policy, who, session, rule, street),
                    )
                )
    return found


def ask(street: Street, knock: Knock) -> TestResponse:
    """Make the request, and read its whole answer."""
    answer = street.people[knock.who].open(knock.path, method=knock.method, **knock.request)
    answer.get_data()
    answer.close()
    return answer


class Ledger:
    """What the database holds: says which rows a request changed that were there before."""

    _TOUCHED = frozenset({"browser_session", "audit_line", "audit_head", "worker_beat", "launch"})
    """Written by every request of anybody: when a browser was seen, that something was refused, a launch begun."""

    def __init__(self, street: Street) -> None:
        path = street.site.settings.data_dir / "chartside.sqlite"
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        self._tables = sorted(name for (name,) in names if name not in self._TOUCHED and not name.startswith("sqlite"))
        self._version = 0
        self._rows = self._read()

    def _read(self) -> set[tuple[Any, ...]]:
        self._version = self._data_version()
        read = self._connection.execute
        return {(table, *row) for table in self._tables for row in read(f'SELECT * FROM "{table}"')}  # noqa: S608

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def changed(self) -> bool:
        """Say whether any row is other than when this was last asked."""
        if self._data_version() == self._version:
            return False
        before, self._rows = self._rows, self._read()
        return before != self._rows

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _last_things_last(knock: Knock) -> tuple[bool, bool]:
    """Sort so that reading comes first and what ends something comes after all the rest."""
    return any(word in knock.path for word in ENDS_THINGS), knock.method != "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a walk along all doors found."""

    asked: int
    """Requests that had to be refused, or had to hold nothing of the owner's."""
    wrong: tuple[str, ...]
    """Those that were let in, changed a row, or told something."""
    undecided: tuple[str, ...]
    """Refused before the owner's check: their body is to be mended here, or the check to come first."""
    shut_out: tuple[str, ...]
    """Routes that refused the owner too, so that their refusals prove nothing."""


def _tells(street: Street, knock: Knock, answer: TestResponse) -> bool:
    body = answer.get_data()
    own = {street.template_id} if knock.who == OWNER_ELSEWHERE else set()
    return any(each.encode() in body for each in street.markers if each not in own and each not in knock.path)


def walk(street: Street, *, is_short: bool = False) -> Findings:
    """Knock at every door: strangers first, then who is answered with their own things only, then the owner."""
    every, wrong, undecided = knocks(street, is_short=is_short), [], []
    ledger = Ledger(street)
    for knock in (each for each in every if each.may is False):
        answer = ask(street, knock)
        if ledger.changed() or answer.status_code < 400 or _tells(street, knock, answer):
            wrong.append(f"{knock.words()}: {answer.status_code}")
        elif answer.status_code not in REFUSED:
            undecided.append(f"{knock.words()}: {answer.status_code}")
    ledger.close()
    others = [each for each in every if each.may is None and each.who != OWNER and "sign-out" not in each.path]
    wrong += [each.words() for each in others if _tells(street, each, ask(street, each))]
    return Findings(
        asked=sum(each.may is False for each in every) + len(others),
        wrong=tuple(wrong),
        undecided=tuple(undecided),
        shut_out=tuple(_shut_out(street, [each for each in every if each.may])),
    )


def _shut_out(street: Street, allowed: list[Knock]) -> Iterator[str]:
    """Return the routes that let in nobody of those who may; each needs one who is let in by one of its sessions."""
    let_in: dict[tuple[str, str], bool] = {}
    for knock in sorted(allowed, key=_last_things_last):
        door = knock.endpoint, knock.method
        let_in[door] = let_in.get(door, False) or ask(street, knock).status_code not in REFUSED
    return (f"{method} {endpoint}" for (endpoint, method), is_in in let_in.items() if not is_in)
