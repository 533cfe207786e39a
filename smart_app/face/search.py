"""A FHIR search as it was asked: what rows to look at, what to check in each body, what was not understood. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from smart_app.errors import BadInput, NotAllowed
from smart_app.face import parameters
from smart_app.face.parameters import Parameter
from smart_app.store.face import Wanted

MOST, USUAL = 200, 50
_MOST_VALUES = 100
_RESULT = frozenset({"_count", "_cursor", "_summary", "_total", "_format", "_pretty"})
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DATE = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?"
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d\d:\d\d))?)?)?"
)
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

Span = tuple[datetime, datetime]
"""From, to (not included)."""


def _bad(name: str, why: str) -> BadInput:
    return BadInput("bad_parameter", f"The search parameter {name} {why}", "See /fhir/metadata for what can be asked.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One parameter held against a body: any of its values must fit."""

    parameter: Parameter
    values: tuple[str, ...]

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Say whether the body answers it."""
        found = [each for path in self.parameter.paths for each in parameters.values(body, path)]
        test = {"token": _token_fits, "date": _date_fits, "reference": _reference_fits}[self.parameter.kind]
        return any(test(wanted, each) for wanted in self.values for each in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search, understood."""

    wanted: Wanted
    checks: tuple[Check, ...]
    count: int
    """Of one page; 0: only how many there are."""
    unknown: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]
    """What was understood, for the links of the answer."""

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Say whether a body answers what the rows cannot tell."""
        return all(check.fits(body) for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the asking client may see at all."""

    iss: frozenset[str]
    patient_id: str | None = None


def understand(resource_type: str, asked: Iterable[tuple[str, str]], reach: Reach) -> Search:
    """Read a search. Raises BadInput for values and modifiers that mean nothing, NotAllowed beyond the reach."""
    known, kept = parameters.of(resource_type), list[tuple[str, str]]()
    wanted = Wanted(resource_type=resource_type, iss=reach.iss)
    if reach.patient_id is not None:
        wanted = replace(wanted, patients=(frozenset({reach.patient_id}),))
    checks, unknown, result = list[Check](), list[str](), dict[str, str]()
    for name, value in asked:
        if name in _RESULT:
            result[name] = value
        elif name in known:
            kept.append((name, value))
            wanted, check = _add(wanted, known[name], _split(name, value), reach)
            checks += [check] if check else []
        elif name.partition(":")[0] in known or name.partition(".")[0] in known:
            raise _bad(name, "has a modifier or a chain that is not offered here.")
        else:
            unknown.append(name)
    kept += [(name, result[name]) for name in ("_count", "_summary", "_total") if name in result]
    return Search(
        wanted=replace(wanted, after=_after(result["_cursor"])) if result.get("_cursor") else wanted,
        checks=tuple(checks),
        count=_page(result),
        unknown=tuple(dict.fromkeys(unknown)),
        kept=tuple(kept),
    )


def _split(name: str, value: str) -> tuple[str, ...]:
    """Return the alternatives of a value; a backslash keeps a comma."""
    parts = [re.sub(r"\\([,$|\\])", r"\1", each) for each in re.split(r"(?<!\\),", value)]
    if not all(parts) or len(parts) > _MOST_VALUES:
        raise _bad(name, "has an empty value, or too many.")
    return tuple(parts)


def _page(result: Mapping[str, str]) -> int:
    count, summary = result.get("_count", str(USUAL)), result.get("_summary", "false")
    if summary not in {"false", "count"}:
        raise _bad("_summary", "can be false or count here.")
    if not re.fullmatch(r"\d{1,9}", count):
        raise _bad("_count", "is not a number.")
    return 0 if summary == "count" else min(int(count), MOST)


def cursor(at: datetime, id_: str) -> str:
    """Return the place after a resource, as a link holds it."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), id_]).encode()).decode().rstrip("=")


def _after(text: str) -> tuple[datetime, str]:
    try:
        at, id_ = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        found = datetime.fromisoformat(at)
        if found.tzinfo is None or not isinstance(id_, str):
            raise ValueError
    except (ValueError, TypeError, binascii.Error) as error:
        raise _bad("_cursor", "is none that Chartside gave.") from error
    return found, id_


def _add(wanted: Wanted, parameter: Parameter, values: tuple[str, ...], reach: Reach) -> tuple[Wanted, Check | None]:
    """Narrow the rows by a parameter, or return what to check in the bodies."""
    name = parameter.name
    if name in parameters.PATIENT:
        sources, ids = _at_the_ehr(name, "Patient", values, reach)
        if reach.patient_id is not None and ids != {reach.patient_id}:
            raise NotAllowed("other_patient", "The token is for one patient's chart.", "Ask for that patient only.")
        return replace(wanted, iss=_both(wanted.iss, sources), patients=(*wanted.patients, ids)), None
    if name in parameters.ENCOUNTER:
        sources, ids = _at_the_ehr(name, "Encounter", values, reach)
        return replace(wanted, iss=_both(wanted.iss, sources), encounters=(*wanted.encounters, ids)), None
    if name == "_id":
        return replace(wanted, ids=(*wanted.ids, frozenset(values))), None
    if name == "_source":
        return replace(wanted, iss=_both(wanted.iss, frozenset(each.rstrip("/") for each in values))), None
    if name == "_lastUpdated":
        spans = tuple(span for each in values for span in _spans(*_asked_date(name, each)))
        return replace(wanted, updated=(*wanted.updated, spans)), None
    if parameter.kind == "date":
        for each in values:
            _asked_date(name, each)
    return wanted, Check(parameter=parameter, values=values)


def _both(some: frozenset[str] | None, others: frozenset[str]) -> frozenset[str]:
    return others if some is None else some & others


def _at_the_ehr(
    name: str, resource_type: str, values: tuple[str, ...], reach: Reach
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the EHRs and the ids that references name: an id, Type/id, or the full address in an EHR."""
    sources, ids = set[str](), set[str]()
    for value in values:
        base, mark, id_ = value.rpartition(f"{resource_type}/")
        if not _FHIR_ID.fullmatch(id_) or (base and not mark) or (base and not base.endswith("/")):
            raise _bad(name, f"is no reference to a {resource_type}.")
        sources |= {base.rstrip("/")} if base else reach.iss
        ids.add(id_)
    return frozenset(sources), frozenset(ids)


# --- values ---------------------------------------------------------------------------------------------------------


def _token_fits(wanted: str, value: Any) -> bool:
    system, bar, code = wanted.rpartition("|")
    for each_system, each_code in _codes(value):
        is_system = not bar or system == (each_system or "")
        if is_system and (each_code == code or (bar and system and not code)):
            return True
    return False


def _codes(value: Any) -> list[tuple[str | None, str]]:
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return []
    return [(each.get("system"), str(each.get("code", each.get("value", "")))) for each in value.get("coding", [value])]


def _reference_fits(wanted: str, value: Any) -> bool:
    found = str(value.get("reference", "")) if isinstance(value, dict) else ""
    return bool(found) and (found == wanted or found.rpartition("/")[2] == wanted or wanted.endswith("/" + found))


def _asked_date(name: str, text: str) -> tuple[str, Span]:
    # A plus sign in a query that nobody encoded arrives as a blank.
    match = _DATE.fullmatch(text.strip().replace(" ", "+"))
    try:
        if match is None:
            raise ValueError
        return match[1] or "eq", _span(match)
    except (ValueError, OverflowError) as error:
        raise _bad(name, "is no date or time.") from error


def _span(match: re.Match[str]) -> Span:
    """Return what a date or time covers by its precision; without a zone in UTC."""
    year, month, day, hour, minute, second, parts, zone = match.groups()[1:]
    whole = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}"
    low = datetime.fromisoformat(f"{whole}.{(parts or '0').ljust(6, '0')}{(zone or 'Z').replace('Z', '+00:00')}")
    if parts:
        return low, low + timedelta(microseconds=10 ** (6 - len(parts)))
    if hour:
        return low, low + (timedelta(seconds=1) if second else timedelta(minutes=1))
    if day:
        return low, low + timedelta(days=1)
    if month:
        return low, (low.replace(day=28) + timedelta(days=4)).replace(day=1)
    return low, low.replace(year=low.year + 1)


def _spans(prefix: str, span: Span) -> tuple[tuple[datetime | None, datetime | None], ...]:
    """Return the spans in which a moment must lie."""
    low, high = span
    return {
        "eq": ((low, high),),
        "ap": ((low, high),),
        "ne": ((None, low), (high, None)),
        "gt": ((high, None),),
        "sa": ((high, None),),
        "ge": ((low, None),),
        "lt": ((None, low),),
        "eb": ((None, low),),
        "le": ((None, high),),
    }[prefix]


def _date_fits(wanted: str, value: Any) -> bool:
    """Compare as R4 says (search.html#date): both are spans, an open period has no end."""
    prefix, (low, high) = _asked_date("", wanted)
    theirs = _theirs(value)
    if theirs is None:
        return False
    start, end = theirs
    is_inside = low <= start and end <= high
    return {
        "eq": is_inside,
        "ne": not is_inside,
        "gt": end > high,
        "ge": end > high or is_inside or (start < high and end > low),
        "lt": start < low,
        "le": start < low or is_inside or (start < high and end > low),
        "sa": start >= high,
        "eb": end <= low,
        "ap": start < high and end > low,
    }[prefix]


def _theirs(value: Any) -> Span | None:
    if isinstance(value, dict):
        start = _asked_date("", value["start"])[1][0] if "start" in value else _FIRST
        return start, _asked_date("", value["end"])[1][1] if "end" in value else _LAST
    return _asked_date("", value)[1] if isinstance(value, str) else None
