"""The visits of the EHR that a session may belong to, where its launch named none: read, and shown to choose from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fhir_mappings.elements import objects
from smart_app.ports import Chart, Resource

WINDOW = timedelta(days=7)
"""How far from the session's day a visit may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """One visit as the clinician tells it apart."""

    id: str
    at: datetime
    has_time: bool
    """The EHR gave more than the day."""
    words: str
    """What kind of visit it is, in the EHR's words; may be empty."""


def near(chart: Chart, patient_id: str, session_at: datetime) -> tuple[Encounter, ...]:
    """Return the patient's visits within a week of the session, newest first.

    Raises ChartRefused, ChartUnreachable or ChartNeedsRelaunch.
    """
    first = (session_at - WINDOW).date().isoformat()
    found = _around(chart.find("Encounter", {"patient": patient_id, "date": f"ge{first}"}), session_at)
    # A server that cannot search so by date may answer with nothing, silently.
    return found or _around(chart.find("Encounter", {"patient": patient_id}), session_at)


def _around(resources: Iterable[Resource], session_at: datetime) -> tuple[Encounter, ...]:
    found = (_read(each) for each in resources)
    inside = [each for each in found if each and abs(each.at.date() - session_at.date()) <= WINDOW]
    return tuple(sorted(inside, key=lambda each: (each.at, each.id), reverse=True))


def _read(resource: Resource) -> Encounter | None:
    """Return a visit; None for one without id or day, and for one that was entered in error."""
    period = resource.get("period")
    start, id_ = period.get("start") if isinstance(period, dict) else None, resource.get("id")
    if not isinstance(start, str) or not isinstance(id_, str) or resource.get("status") == "entered-in-error":
        return None
    try:
        at = datetime.fromisoformat(start)
    except ValueError:
        return None
    return Encounter(
        id=id_, at=at if at.tzinfo else at.replace(tzinfo=UTC), has_time="T" in start, words=_words(resource)
    )


def _words(resource: Resource) -> str:
    kinds = [_text_of(each) for name in ("type", "reasonCode") for each in objects(resource.get(name))]
    place = resource.get("class")
    kinds.append(str(place.get("display") or "") if isinstance(place, dict) else "")
    return ", ".join(dict.fromkeys(each[:100] for each in kinds if each))


def _text_of(concept: dict[str, Any]) -> str:
    texts = [concept.get("text"), *(each.get("display") for each in objects(concept.get("coding")))]
    return next((each for each in texts if isinstance(each, str) and each), "")
