"""The look that each EHR named at a launch: already checked tokens, by issuer."""

from dataclasses import dataclass
from datetime import datetime

from smart_app.store.database import Db
from smart_app.store.tables import SiteSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class EhrStyle:
    """What an EHR's style sets, where it was read and when."""

    url: str
    tokens: dict[str, str]
    read_at: datetime


def _name(iss: str) -> str:
    return f"ehr_style:{iss}"


def find(db: Db, iss: str) -> EhrStyle | None:
    """Return the style of an EHR."""
    row = db.get(SiteSetting, _name(iss))
    return None if row is None else EhrStyle(url=row.value["url"], tokens=row.value["tokens"], read_at=row.changed_at)


def keep(db: Db, iss: str, *, url: str, tokens: dict[str, str], now: datetime) -> None:
    """Keep the style that was just read, instead of the one before it."""
    db.merge(SiteSetting(name=_name(iss), value={"url": url, "tokens": tokens}, changed_by=iss, changed_at=now))
