"""Which adapter speaks to an EHR: asked of its CapabilityStatement, its scopes and, at OpenEMR, of our module."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fhir_mappings import ways
from fhir_mappings.scopes import flat
from smart_app.chart.capabilities import offers_of
from smart_app.chart.http import STATEMENT_MAX_BYTES, GuardedHttp, origin
from smart_app.chart.line import Line
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.ports import EhrFacts

LIFETIME = timedelta(hours=1)
AFTER_SILENCE = timedelta(minutes=5)
"""When a server that told nothing is asked again."""
_TOLD = frozenset({200, 404, 410})
"""The module's answers that say whether it is there; any other one is a fault of the moment, or of this one login."""


def is_fresh(facts: EhrFacts, now: datetime) -> bool:
    """Say whether what is known of a server may be used without asking."""
    return facts.probed_at + LIFETIME > now


def look(http: GuardedHttp, line: Line, known: EhrFacts | None, *, now: datetime) -> EhrFacts:
    """Ask the server what it is; what it does not tell stays as it was known, and is asked again soon.

    Raises ChartNeedsRelaunch or ChartUnreachable when the launch has no token.
    """
    base = line.access().base
    statement = _document(http, base, f"{base}/metadata", most=STATEMENT_MAX_BYTES)
    software = ways.software_of(statement)
    name = software.get("name", "")
    words: tuple[str, ...] = ()
    if not name or ways.is_openemr(name, words):
        smart = _document(http, base, f"{base}/.well-known/smart-configuration") or {}
        words = tuple(flat(smart.get("scopes_supported")))
    is_openemr = ways.is_openemr(name, words)
    adapter, was_told = _openemr(line, words, known) if is_openemr else ("fhir_r4", True)
    was_told = was_told and statement is not None
    probed_at = now if was_told else now - LIFETIME + AFTER_SILENCE
    if statement is None and known is not None and not is_openemr:
        return replace(known, probed_at=probed_at)
    return EhrFacts(
        iss=base,
        adapter=adapter,
        software=name,
        version=software.get("version", ""),
        offers=offers_of(statement),
        probed_at=probed_at,
    )


def _openemr(line: Line, words: tuple[str, ...], known: EhrFacts | None) -> tuple[ways.Adapter, bool]:
    """Return the adapter for an OpenEMR, and whether the server told enough to be sure."""
    before: ways.Adapter = known.adapter if known is not None and known.adapter != "fhir_r4" else "openemr"
    if not words:
        return before, False
    if not ways.lists_module(words):
        return "openemr", True
    try:
        answer = line.api("GET", ways.MODULE_RESOURCE)
    except (ChartNeedsRelaunch, ChartRefused, ChartUnreachable):
        return before, False  # a login that is over, or lacks the scope, says nothing for the others
    if answer.status not in _TOLD:
        return before, False
    is_module = answer.status == 200 and answer.fields().get("module") == ways.MODULE_RESOURCE
    return "openemr_module" if is_module else "openemr", True


def _document(http: GuardedHttp, base: str, url: str, *, most: int = 256 * 1024) -> dict[str, Any] | None:
    try:
        answer = http.get(url, origins=frozenset({origin(base)}), most=most)
    except (ChartRefused, ChartUnreachable):
        return None
    return answer.fields() or None if answer.status == 200 else None
