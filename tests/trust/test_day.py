"""A bad day of the whole site in short: every fault, a few sessions, no rule broken and nothing out (G23)."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.campaigns import closed, day, day_rules
from tests.campaigns.day_people import Life
from tests.trust.figures import Say

SESSIONS = 6


@pytest.mark.req("G23", "T14")
@pytest.mark.timeout(400)
def test_no_rule_breaks_in_a_day_of_all_faults(tmp_path: Path, figure: Say) -> None:
    """Kills, an EHR in every weather, a clock that is set, a full disk: each rule holds when all deadlines are met."""
    if not closed.way():
        pytest.skip(closed.NO_WAY)
    found = day.run(tmp_path, sessions=SESSIONS, seed=6)
    broken = sum(map(len, found.broken.values()))
    figure("G23", "rules broken in a short day", got=broken, goal=0, is_met=not broken, cases=found.sessions)
    figure("G23", "bytes out in a short day", got=found.bytes_out, goal=0, is_met=found.bytes_out == 0)
    assert found.broken == {}
    assert (found.sessions, found.is_closed, found.bytes_out) == (SESSIONS, True, 0)
    assert {"EHR down", "EHR replies lost", "clock set", "worker killed"} <= set(found.faults)
    assert found.checked["signed notes not in the chart exactly once"] > 0


def _document(**more: Any) -> dict[str, Any]:
    filed = {"identifier": [{"value": "note-1"}], "docStatus": "final", "subject": {"reference": "Patient/p-1"}}
    return {**filed, **more}


@pytest.mark.parametrize(
    "documents",
    [
        [],
        [_document(), _document()],
        [_document(docStatus="preliminary")],
        [_document(subject={"reference": "Patient/p-2"})],
    ],
)
def test_a_note_that_is_lost_doubled_or_misfiled_is_seen(documents: list[dict[str, Any]]) -> None:
    """The day's rules can break."""
    life = Mock(spec=Life, note_id="note-1", patient="p-1")
    assert len(day_rules.misfiled([life], documents)) == 1
    assert day_rules.misfiled([life], [_document()]) == []


def test_memory_that_grows_all_day_is_not_flat() -> None:
    """The growth is of the last quarter over the one after the warm-up; a steady leak shows, a warm-up does not."""
    leak, warm = [100.0 + n for n in range(60)], [50.0 + 10 * min(n, 10) for n in range(60)]
    assert day.Outcome(rss_mb=leak).growth() > day.MOST_GROWTH
    assert day.Outcome(rss_mb=warm).growth() == 0
