"""What an answer that is no success means, and what is done about it (the table in ehr.md section 2)."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from fhir_mappings.scopes import LETTERS
from smart_app.chart.capabilities import Capabilities
from smart_app.chart.resources import outcome_text, patients_of
from smart_app.errors import ChartConflict, ChartRefused, ChartUnreachable
from smart_app.ports import Access, Clock, HttpAnswer, Resource

BUSY = "ehr_busy"
"""The code of a wait that the EHR asked for (429)."""
MAX_WAIT_S = 3600.0
_VERBS = {"create": "add", "update": "change", "read": "read", "search-type": "search for"}


class Answers:
    """Turns answers into errors of ours, and remembers what a server does not offer."""

    def __init__(self, *, capabilities: Capabilities, clock: Clock) -> None:
        self._capabilities = capabilities
        self._clock = clock

    def is_off(self, kind: str, operation: str) -> bool:
        """Say whether the server refused it lately."""
        return self._capabilities.is_refused(kind, operation, now=self._clock.now())

    def demand(self, kind: str, operation: str) -> None:
        """Refuse at once what the server refused lately."""
        if self.is_off(kind, operation):
            raise self.not_offered(kind, operation)

    def switch_off(self, kind: str, operation: str, *, status: int, is_for_this_login: bool = False) -> None:
        """Remember that this server (or this login) does not offer one operation on one type."""
        self._capabilities.refuse(
            kind, operation, status=status, at=self._clock.now(), is_for_this_login=is_for_this_login
        )

    def not_offered(self, kind: str, operation: str) -> ChartRefused:
        """Return the error for an operation that this EHR does not offer."""
        return ChartRefused(
            "not_offered",
            f"This EHR does not let Chartside {_VERBS[operation]} a {kind}.",
            "It stays in Chartside; copy the text into the chart where it is needed.",
        )

    def refuse_unknown(self, answer: HttpAnswer) -> None:
        """Raise ChartUnreachable for an answer after which the write may or may not have happened, or must wait."""
        if answer.status == 429:
            raise ChartUnreachable(
                BUSY,
                "The EHR asks to wait.",
                "It is tried again by itself.",
                retry_after_s=self._wait_s(answer.headers.get("retry-after", "")),
            )
        if answer.status >= 500 and answer.status != 501:
            wait_s = self._wait_s(answer.headers.get("retry-after", ""))
            raise ChartUnreachable(
                "ehr_failed", "The EHR has a fault.", "It is tried again by itself.", retry_after_s=wait_s
            )
        if answer.status == 408:
            raise ChartUnreachable("ehr_failed", "The EHR was too slow.", "It is tried again by itself.")
        if answer.status in {200, 201} and not answer.headers.get("location") and _is_cut(answer):
            raise ChartUnreachable("ehr_failed", "The EHR's answer was cut short.", "It is tried again by itself.")

    def check(
        self, answer: HttpAnswer, access: Access, kind: str, operation: str, ours: Resource | None = None
    ) -> None:
        """Return for a success; raise what any other answer means.

        Raises ChartRefused, with the EHR's words in `outcome` where it gave some, or ChartConflict.
        """
        status = answer.status
        if status in {200, 201, 204}:
            return
        if status == 403:
            # A login for one patient may be refused another's resource and still take its own.
            about = patients_of(ours, access.base) if ours else frozenset()
            if operation in {"create", "update"} and about <= {f"Patient/{access.patient_id}"}:
                self.switch_off(kind, operation, status=status, is_for_this_login=True)
            raise ChartRefused(
                "forbidden",
                f"The EHR does not allow you to {_VERBS[operation]} a {kind}.",
                f"Ask your administrator for the right {kind}.{LETTERS[operation]}.",
                outcome=outcome_text(answer.fields()),
            )
        if status in {404, 405, 501}:
            if operation in {"create", "update"}:
                self.switch_off(kind, operation, status=status)
            raise self.not_offered(kind, operation)
        if status == 409:
            raise ChartConflict(
                "changed_in_chart", f"The chart holds another version of this {kind}.", "Compare both in the chart."
            )
        raise ChartRefused(
            "not_accepted",
            f"The EHR did not accept the {kind}.",
            "Tell your administrator.",
            outcome=outcome_text(answer.fields()),
        )

    def _wait_s(self, text: str) -> float | None:
        """Read Retry-After, seconds or an HTTP date; None when there is none to be read."""
        if text.strip().isdigit():
            return min(float(text), MAX_WAIT_S)
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max((until - self._clock.now()).total_seconds(), 0.0), MAX_WAIT_S)


def _is_cut(answer: HttpAnswer) -> bool:
    """Say whether a body is there and ends too early, or is something else's on the way: a proxy's page."""
    try:
        return bool(answer.body) and answer.json() is None
    except ValueError:
        return True
