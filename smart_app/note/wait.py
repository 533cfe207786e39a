"""How long a summary takes, in one place: the chart page, the note page and the diagnosis all say the same."""

from dataclasses import dataclass
from datetime import datetime

WORKER_SILENT_S = 90.0
"""A worker that was not heard of for so long is not running (it gives a sign of life each minute at least)."""

# docs/benchmarks.md: tiny.en on 2 cores takes 0.04 s per second of track when nothing else runs; three times that
# covers a slow or busy machine. The fixed part is starting up, drafting and checking.
_LOW_FACTOR, _LOW_FIXED_S = 0.03, 3.0
_HIGH_FACTOR, _HIGH_FIXED_S = 0.12, 20.0


def expected_s(track_s: float) -> tuple[float, float]:
    """Return the seconds within which a summary is usually there after the end, for so many seconds of track sound."""
    return _LOW_FIXED_S + _LOW_FACTOR * track_s, _HIGH_FIXED_S + _HIGH_FACTOR * track_s


def in_words(range_s: tuple[float, float]) -> str:
    """Say a range of seconds as a person would, e.g. '3 to 12 minutes'."""
    low, high = (max(1, round(each / 60)) for each in range_s)
    if range_s[1] < 60:
        return "less than a minute"
    if low == high:
        return "about a minute" if high == 1 else f"about {high} minutes"
    return f"{low} to {high} minutes"


def ago(seconds: float) -> str:
    """Say how long ago something was, e.g. '3 minutes ago'."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} minute{'s' if minutes > 1 else ''} ago"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} hour{'s' if hours > 1 else ''} ago"
    return f"{hours // 24} days ago"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Where a session stands on its way to a summary."""

    since_end_s: float
    expected_s: tuple[float, float]
    queue_place: int
    """How many sessions come before this one; 0 when it is next or already at work."""
    is_worker_alive: bool
    is_claimed: bool
    """A worker is at it."""
    heard_share: float = 0.0
    """How much of the recording has been turned into text."""
    rest_s: tuple[float, float] = (0.0, 0.0)
    """The seconds that what is left usually takes."""

    @property
    def is_late(self) -> bool:
        """Say whether it takes longer than it usually does."""
        return self.since_end_s > self.expected_s[1]

    def sentence(self) -> str:
        """Say it to the clinician (S28)."""
        ended = f"Ended {ago(self.since_end_s)}."
        if not self.is_worker_alive:
            return (
                f"{ended} The part of Chartside that prepares summaries is not running. Nothing is lost: the summary "
                "is made as soon as it runs again. Please tell your administrator."
            )
        usual = self._rest() or f"A summary is usually ready {in_words(self.expected_s)} after the end."
        if not self.is_claimed and self.queue_place:
            before = "One session is" if self.queue_place == 1 else f"{self.queue_place} sessions are"
            return f"{ended} {before} before it in line. {usual}"
        if self.is_late:
            return f"{ended} {usual} This one takes longer; you need not wait on this page."
        return f"{ended} {usual}" if self.is_claimed else f"{ended} It is next in line. {usual}"

    def _rest(self) -> str:
        """Say how far it is; nothing while nothing is known of it."""
        percent = int(self.heard_share * 100)
        if percent == 100:
            return "All of the recording is turned into text; the summary is being written."
        rest = f"{percent} % of the recording is turned into text; the rest usually takes {in_words(self.rest_s)}."
        return rest if percent else ""


def is_alive(seen_at: datetime | None, now: datetime) -> bool:
    """Say whether a worker was heard of lately."""
    return seen_at is not None and (now - seen_at).total_seconds() < WORKER_SILENT_S
