"""Which adapter speaks to an EHR: asked of its CapabilityStatement, its scopes and, at OpenEMR, of our module."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fhir_mappings.ways import MODULE_RESOURCE, Adapter
from smart_app.chart.capabilities import offers_of
from smart_app.chart.http import STATEMENT_MAX_BYTES, GuardedHttp, origin
from smart_app.chart.line import Line
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.ports import EhrFacts, HttpAnswer

LIFETIME = timedelta(hours=1)
AFTER_SILENCE = timedelta(minutes=5)
"""When a server that told nothing is asked again."""
_OPENEMR = "OpenEMR"
_OPENEMR_SCOPE = "api:oemr"
"""In no other server's list, so that an OpenEMR is known even when its statement cannot be read."""
_MODULE_SCOPE = f"user/{MODULE_RESOURCE}."


def is_fresh(facts: EhrFacts, now: datetime) -> bool:
    """Say whether what is known of a server may be used without asking."""
    return facts.probed_at + LIFETIME > now


def look(http: GuardedHttp, line: Line, known: EhrFacts | None, *, now: datetime) -> EhrFacts:
    """Ask the server what it is; what it does not tell stays as it was known, and is asked again soon.

    Raises ChartNeedsRelaunch or ChartUnreachable when the launch has no token.
    """
    base = line.access().base
    statement = _document(http, base, f"{base}/metadata", most=STATEMENT_MAX_BYTES)
    software = _software(statement)
    is_openemr = software.get("name") == _OPENEMR
    words: tuple[str, ...] = ()
    if is_openemr or statement is None:
        smart = _document(http, base, f"{base}/.well-known/smart-configuration") or {}
        words = tuple(_flat(smart.get("scopes_supported")))
        is_openemr = is_openemr or _OPENEMR_SCOPE in words
    adapter, was_told = _openemr(line, words, known) if is_openemr else ("fhir_r4", True)
    was_told = was_told and statement is not None
    probed_at = now if was_told else now - LIFETIME + AFTER_SILENCE
    if statement is None and known is not None and not is_openemr:
        return replace(known, probed_at=probed_at)
    return EhrFacts(
        iss=base,
        adapter=adapter,
        software=software.get("name", ""),
        version=software.get("version", ""),
        offers=offers_of(statement),
        probed_at=probed_at,
    )


def _openemr(line: Line, words: tuple[str, ...], known: EhrFacts | None) -> tuple[Adapter, bool]:
    """Return the adapter for an OpenEMR, and whether the server told enough to be sure."""
    if not any(word.startswith(_MODULE_SCOPE) for word in words):
        return "openemr", bool(words)
    try:
        answer = line.api("GET", "chartside")
    except (ChartRefused, ChartNeedsRelaunch):
        return "openemr", True  # the scope was not granted, or the address is not OpenEMR's
    except ChartUnreachable:
        answer = None
    if answer is None or answer.status >= 500 or answer.status == 429:
        return known.adapter if known is not None and known.adapter != "fhir_r4" else "openemr", False
    is_module = answer.status == 200 and _json(answer).get("module") == "chartside"
    return "openemr_module" if is_module else "openemr", True


def _document(http: GuardedHttp, base: str, url: str, *, most: int = 256 * 1024) -> dict[str, Any] | None:
    try:
        answer = http.get(url, origins=frozenset({origin(base)}), most=most)
    except (ChartRefused, ChartUnreachable):
        return None
    return _json(answer) or None if answer.status == 200 else None


def _json(answer: HttpAnswer) -> dict[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _software(statement: dict[str, Any] | None) -> dict[str, str]:
    found = (statement or {}).get("software")
    if not isinstance(found, dict):
        return {}
    return {name: str(found[name])[:100] for name in ("name", "version") if isinstance(found.get(name), str)}


def _flat(value: Any, *, depth: int = 4) -> Iterable[str]:
    """Yield the strings of a nested list (OpenEMR's is [[...]])."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for entry in value:
            yield from _flat(entry, depth=depth - 1)
