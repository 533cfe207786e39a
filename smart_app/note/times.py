"""The one way in which times are written for clinicians: on pages without script, in notes, on paper. Pure.

`times.mjs` writes the same form in the browser's own zone; the foot of each page then names that zone once.
"""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_ZONE = ZoneInfo("UTC")
_FORMS = {"date": "%-d %b %Y", "time": "%H:%M", "datetime": "%-d %b %Y, %H:%M"}


def zone_of(name: str) -> ZoneInfo:
    """Return the reader's time zone by its IANA name; UTC for a name that is not one."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC_ZONE


def written(at: datetime, how: str = "datetime", zone: ZoneInfo = UTC_ZONE) -> str:
    """Write a time as 22 Nov 2026, 15:04 (Europe/Berlin); `how` is date, time or datetime. A date names no zone."""
    text = at.astimezone(zone).strftime(_FORMS[how])
    return text if how == "date" else f"{text} ({zone.key})"
