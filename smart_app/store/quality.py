"""The quality signal: kept at each signature, added up for the clinic."""

from dataclasses import dataclass

from sqlalchemy import func, select

from smart_app.store.database import Db
from smart_app.store.quality_tables import DraftQuality


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the clinician did to one section's draft, or the sum over many."""

    drafted_words: int
    signed_words: int
    changed_words: int
    kept: int
    edited: int
    removed: int
    added: int
    taken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The sum over the notes of a month, for one section of one drafter's version."""

    month: str
    style: str
    section: str
    drafter: str
    prompt_version: str
    notes: int
    counted: Counted


_COUNTS = tuple(Counted.__dataclass_fields__)


def keep(
    db: Db,
    *,
    iss: str,
    month: str,
    style: str,
    section: str,
    drafter: str,
    prompt_version: str,
    counted: Counted,
) -> None:
    """Keep one section of a note that is being signed."""
    counts = {name: getattr(counted, name) for name in _COUNTS}
    row = {"iss": iss, "month": month, "style": style, "section": section}
    db.add(DraftQuality(**row, drafter=drafter, prompt_version=prompt_version, **counts))


def of_clinic(db: Db, iss: str) -> list[Measured]:
    """Return the sums of a clinic, newest month first, then by drafter, format and section."""
    by = (
        DraftQuality.month,
        DraftQuality.drafter,
        DraftQuality.prompt_version,
        DraftQuality.style,
        DraftQuality.section,
    )
    sums = [func.sum(getattr(DraftQuality, name)) for name in _COUNTS]
    query = (
        select(*by, func.count(), *sums)
        .where(DraftQuality.iss == iss)
        .group_by(*by)
        .order_by(DraftQuality.month.desc(), *by[1:4], func.min(DraftQuality.id))
    )
    return [
        Measured(
            month=month,
            drafter=drafter,
            prompt_version=prompt_version,
            style=style,
            section=section,
            notes=notes,
            counted=Counted(**{name: int(each) for name, each in zip(_COUNTS, counts, strict=True)}),
        )
        for month, drafter, prompt_version, style, section, notes, *counts in db.execute(query)
    ]
