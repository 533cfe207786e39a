"""What the EHR has no place for: said once, with its reason, and no alarm."""

import pytest

from smart_app.help.diagnosis import FilingFacts, SessionFacts, diagnose
from smart_app.help.reading import _is_kept
from smart_app.session import State
from smart_app.store import filings
from smart_app.store.tables import Filing
from tests.conftest import FrozenClock


@pytest.mark.req("B13", "C06")
def test_why_says_what_is_kept_in_chartside(clock: FrozenClock) -> None:
    """One cause for all of it, beside those that need somebody."""
    facts = SessionFacts(
        session_id="s",
        state=State.READY,
        started_at=clock.now(),
        has_summary=True,
        kept=tuple(
            FilingFacts(what=what, public="This EHR does not take it; it is kept in Chartside.")
            for what in ("the note", "that a recording existed", "the note")
        ),
    )
    (cause,) = diagnose(facts)
    assert (cause.code, cause.about) == ("filing_kept", "chart")
    assert cause.why.startswith("Kept in Chartside: that a recording existed and the note. This EHR does not take it")
    assert "Nothing is lost" in cause.todo


@pytest.mark.parametrize(
    ("kind", "parked", "done", "is_kept"),
    [
        ("note", filings.NOT_TAKEN, 0, True),
        ("media", filings.NOT_TAKEN, 0, True),
        ("device", filings.NOT_TAKEN, 0, False),
        ("note", "forbidden", 0, False),
        ("note", "", 0, False),
        ("note", filings.NOT_TAKEN, 1, False),
    ],
)
def test_only_what_a_clinician_may_miss_counts(kind: str, parked: str, done: int, is_kept: bool) -> None:
    """Not the entries about software, nor what is refused or on its way."""
    assert _is_kept(Filing(kind=kind, parked=parked, done=done, wanted=1)) is is_kept
