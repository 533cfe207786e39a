"""The facts of a session for a note's session details element: gathered once, each editable, refreshable. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from smart_app.note.times import written
from smart_app.store.details import Today

DETAILS_TYPE = "session-details"
"""The type of the element that is filled from the session."""
MODALITIES = {"video": "Telehealth, video call", "in-person": "In person"}
"""Words of a session's modality."""
CONSENTS = {
    "given": "Given aloud in the session, noted by the clinician",
    "refused": "Refused in the session, noted by the clinician",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact; an empty text is left out of the note, and a refresh leaves alone what the clinician changed."""

    key: str
    label: str
    text: str = ""
    is_edited: bool = False


Facts = tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The session as it was held; `people` are (name, role) of those who were admitted."""

    started_at: datetime
    ended_at: datetime | None
    modality: str
    people: tuple[tuple[str, str], ...]
    today: Today


def _when(at: datetime | None, zone: ZoneInfo) -> str:
    return written(at, zone=zone) if at else ""


def gather(held: Held, zone: ZoneInfo) -> Facts:
    """Return the facts of a session, with times in the clinician's own zone."""
    minutes = ""
    if held.ended_at:
        minutes = str(max(1, round((held.ended_at - held.started_at).total_seconds() / 60)))
    consent = CONSENTS.get(held.today.telehealth_consent, "")
    if held.modality == "in-person":
        consent = ""
    said_by = {"client": " (as the client entered it)", "clinician": ""}.get(held.today.place_by, "")
    return (
        Fact(key="started", label="Started", text=_when(held.started_at, zone)),
        Fact(key="ended", label="Ended", text=_when(held.ended_at, zone)),
        Fact(key="minutes", label="Minutes", text=minutes),
        Fact(key="modality", label="Modality", text=MODALITIES.get(held.modality, held.modality)),
        Fact(key="people", label="Participants", text="; ".join(f"{name} ({role})" for name, role in held.people)),
        Fact(
            key="place",
            label="Client's location today",
            text=f"{held.today.place}{said_by}" if held.today.place else "",
        ),
        Fact(key="telehealth-consent", label="Telehealth consent", text=consent),
    )


def refreshed(old: Facts, new: Facts) -> Facts:
    """Return the new facts, but as the clinician worded them where they did."""
    kept = {each.key: each for each in old if each.is_edited}
    return tuple(kept.get(each.key, each) for each in new)


def edited(facts: Facts, edits: Mapping[str, str] | None) -> Facts:
    """Return the facts with the clinician's wording; None leaves all as they are."""
    if edits is None:
        return facts
    after = []
    for each in facts:
        text = " ".join(edits.get(each.key, each.text).split())
        after.append(each if text == each.text else replace(each, text=text, is_edited=True))
    return tuple(after)


def as_text(facts: Facts) -> str:
    """Return a line `Label: text` for every fact that has a text."""
    return "\n".join(f"{each.label}: {each.text}" for each in facts if each.text)


def from_json(items: Iterable[Mapping[str, Any]]) -> Facts:
    """Read facts from plain JSON."""
    return tuple(Fact(**each) for each in items)
