"""The error tree. `public` is a sentence for the person, never exception text or anything about a patient.

    ChartsideError(code, public, todo, permanent, status)
      ConfigError                                          the process does not start
      NotSignedIn, NotAllowed, NotFound, Expired           401, 403, 404, 410
      ConsentMissing, MoveRefused, GrantRefused            tell the person; never retried
      BadInput                                             400; the caller must change the request
      LaunchRefused                                        the SMART launch cannot go on
      ChartRefused, ChartConflict, ChartUnreachable, ChartNeedsRelaunch   fix / reread / retry / launch again
      MediaRejected, TranscriptFailed, DraftRejected       show the cause, offer Try again
      VaultError, AuditUnavailable, DiskReserve            refuse the request

Retired codes are kept in `RETIRED`, never reused.
"""

from typing import Any

RETIRED: frozenset[str] = frozenset()


def shown(name: object) -> str:
    """Return a name from outside as a terminal may show it: what would move its cursor or colour it is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


class ChartsideError(Exception):
    """A failure with a stable code, a public sentence and what to do next.

    `permanent` steers retries: a permanent error is never tried again by itself.
    """

    status = 500
    permanent = True
    written_etag = ""
    """The version that the chart gave to an update before this went wrong, e.g. when it was read back."""

    def __init__(self, code: str, public: str, todo: str = "", *, permanent: bool | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.public = public
        self.todo = todo
        if permanent is not None:
            self.permanent = permanent


class ConfigError(ChartsideError):
    """A setting is missing or wrong; the process must not start."""


class NotSignedIn(ChartsideError):
    """No valid browser session; launch again from the chart."""

    status = 401

    def __init__(
        self,
        code: str = "not_signed_in",
        public: str = "You are not signed in.",
        todo: str = "Open Chartside again from the patient's chart.",
    ) -> None:
        super().__init__(code, public, todo)


class NotAllowed(ChartsideError):
    """Signed in, but this object is not theirs."""

    status = 403

    def __init__(
        self,
        code: str = "not_allowed",
        public: str = "This is not yours to open.",
        todo: str = "Open it from the chart of the patient it belongs to.",
    ) -> None:
        super().__init__(code, public, todo)


class NotFound(ChartsideError):
    """There is no such thing (or not for this person)."""

    status = 404

    def __init__(
        self, code: str = "not_found", public: str = "There is nothing here.", todo: str = "Go back to the chart page."
    ) -> None:
        super().__init__(code, public, todo)


class Expired(ChartsideError):
    """It was there and is gone for good: a link, a recording."""

    status = 410


class BadInput(ChartsideError):
    """The request cannot be understood; nothing was stored."""

    status = 400


class TooLarge(BadInput):
    """More bytes than allowed; nothing was stored."""

    status = 413


class ConsentMissing(ChartsideError):
    """A consent that this act needs is not live."""

    status = 403


class GrantRefused(ChartsideError):
    """A capture grant is missing, expired, foreign or of another consent epoch."""

    status = 403


class MoveRefused(ChartsideError):
    """The session is in a state in which this cannot be done (translates session.IllegalMove)."""

    status = 409


class Conflict(ChartsideError):
    """Something else is stored under this name already; nothing was overwritten."""

    status = 409


class LaunchRefused(ChartsideError):
    """The SMART launch cannot go on; the page says why and how to begin again."""

    status = 400


class ChartRefused(ChartsideError):
    """The EHR said no; trying again without a change is useless.

    `outcome` is the EHR's own text (OperationOutcome): for the doctor page only, never logged.
    """

    status = 502

    def __init__(self, code: str, public: str, todo: str = "", *, outcome: str = "") -> None:
        super().__init__(code, public, todo)
        self.outcome = outcome


class ChartConflict(ChartsideError):
    """The EHR holds another version; reread and compare before anything else.

    `theirs` is that version where it could be read (the resource, or the text alone), `etag` its version.
    """

    status = 409

    def __init__(
        self, code: str, public: str, todo: str = "", *, theirs: dict[str, Any] | None = None, etag: str | None = None
    ) -> None:
        super().__init__(code, public, todo)
        self.theirs = theirs
        self.etag = etag


class ChartUnreachable(ChartsideError):
    """The EHR did not answer, or asked to wait; try again later."""

    status = 503
    permanent = False

    def __init__(self, code: str, public: str, todo: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(code, public, todo)
        self.retry_after_s = retry_after_s


class ChartNeedsRelaunch(ChartsideError):
    """The login at the EHR is over; what is owed waits until the clinician launches again."""

    status = 401


class MediaRejected(ChartsideError):
    """The sound cannot be used: not WebM, broken, too long."""

    status = 415


class TranscriptFailed(ChartsideError):
    """Speech recognition failed."""

    permanent = False


class DraftRejected(ChartsideError):
    """The drafter's answer cannot be used."""

    permanent = False


class VaultError(ChartsideError):
    """The vault refuses: key destroyed, bytes changed, no slot free."""


class AuditUnavailable(ChartsideError):
    """The audit trail cannot be written, so the act is refused."""

    status = 503
    permanent = False


class DiskReserve(ChartsideError):
    """The disk is nearly full, or full; no recording starts, and what a worker does is done when there is space."""

    status = 507
    permanent = False
