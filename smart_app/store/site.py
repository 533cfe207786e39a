"""What an EHR's administrators set for all who come from it (S01). One that was never asked has the assistant."""

from dataclasses import dataclass
from datetime import datetime

from smart_app.store.database import Db
from smart_app.store.tables import SiteSetting

AI_OFFERED = "ai_offered"
"""The name of the switch for EHRs that have none of their own: one for all, as the first release kept it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSwitch:
    """Whether the AI session assistant is there at all, and since when, if anybody ever turned it."""

    is_on: bool
    changed_at: datetime | None = None


def _name(iss: str) -> str:
    return f"{AI_OFFERED} {iss}"


def ai_switch(db: Db, iss: str) -> SiteSwitch:
    """Return how the switch of this EHR stands."""
    row = db.get(SiteSetting, _name(iss)) or db.get(SiteSetting, AI_OFFERED)
    return SiteSwitch(is_on=True) if row is None else SiteSwitch(is_on=row.value is True, changed_at=row.changed_at)


def is_ai_offered(db: Db, iss: str) -> bool:
    """Say whether the AI session assistant is there for who comes from this EHR."""
    return ai_switch(db, iss).is_on


def switch_ai(db: Db, iss: str, *, is_on: bool, by: str, at: datetime) -> bool:
    """Turn the EHR's switch; False when it stood so already (nothing is written)."""
    if ai_switch(db, iss).is_on == is_on:
        return False
    db.merge(SiteSetting(name=_name(iss), value=is_on, changed_by=by, changed_at=at))
    db.flush()
    return True
