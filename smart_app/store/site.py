"""What an EHR administrator set for the whole site (S01). A site that was never asked has the assistant."""

from dataclasses import dataclass
from datetime import datetime

from smart_app.store.database import Db
from smart_app.store.tables import SiteSetting

AI_OFFERED = "ai_offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSwitch:
    """Whether the AI session assistant is there at all, and since when, if anybody ever turned it."""

    is_on: bool
    changed_at: datetime | None = None


def ai_switch(db: Db) -> SiteSwitch:
    """Return how the site's switch stands."""
    row = db.get(SiteSetting, AI_OFFERED)
    return SiteSwitch(is_on=True) if row is None else SiteSwitch(is_on=row.value is True, changed_at=row.changed_at)


def is_ai_offered(db: Db) -> bool:
    """Say whether the AI session assistant is there at this site."""
    return ai_switch(db).is_on


def switch_ai(db: Db, *, is_on: bool, by: str, at: datetime) -> bool:
    """Turn the site's switch; False when it stood so already (nothing is written)."""
    if ai_switch(db).is_on == is_on:
        return False
    db.merge(SiteSetting(name=AI_OFFERED, value=is_on, changed_by=by, changed_at=at))
    db.flush()
    return True
