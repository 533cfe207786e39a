"""Two tabs of the same clinician: one of them records."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from smart_app.store.sessions import RECORDER_SILENT
from tests.fakes.room import Visit


def code(answer: TestResponse) -> tuple[int, str]:
    """Return status and code of a refusal."""
    said: Any = answer.json
    return answer.status_code, said["code"]


def ask(visit: Visit, tab: str, *, run: int | None = None, **more: Any) -> TestResponse:
    """Ask for grants as this tab, with the start of a run or without."""
    recorder = visit.state()["recorder"]
    runs = [
        {"track_id": each["track_id"], "run": run, "start_ms": 0, "mime": "audio/webm"}
        for each in recorder["tracks"]
        if run is not None
    ]
    body = {"recording_id": recorder["recording_id"], "runs": runs, "tab": tab, **more}
    return visit.alice.post(f"/sessions/{visit.id}/recording/grants", body)


@pytest.fixture
def recorded(visit: Visit) -> Visit:
    """A session that tab one records."""
    assert visit.start().status_code == 200
    visit.answer(visit.carol, agrees=True)
    assert ask(visit, "one", claims=True).status_code == 200
    assert ask(visit, "one", run=0).status_code == 200
    return visit


def test_the_facts_name_the_tab_that_records_to_the_clinician_alone(recorded: Visit) -> None:
    """So that another tab can say where the recorder runs; the client never sees it."""
    assert recorded.state()["recorder"]["tab"] == "one"
    assert "recorder" not in recorded.state(recorded.carol)


def test_a_second_tab_cannot_record(recorded: Visit) -> None:
    """It is told so, whether it asks first or just begins a run; nothing of a refused run is registered."""
    for answer in (ask(recorded, "two", claims=True), ask(recorded, "two", run=1)):
        assert code(answer) == (409, "other_tab")
    assert recorded.state()["recorder"]["tracks"][0]["next_run"] == 1
    assert recorded.state()["recorder"]["tab"] == "one"


def test_it_records_when_the_clinician_says_so_and_the_first_one_stops(recorded: Visit) -> None:
    """Record in this tab instead: from then on the first one can begin nothing."""
    assert ask(recorded, "two", claims=True, takes_over=True).status_code == 200
    assert ask(recorded, "two", run=1).status_code == 200
    assert recorded.state()["recorder"]["tab"] == "two"
    assert ask(recorded, "one", run=2).status_code == 409
    assert ask(recorded, "one", claims=True).status_code == 409


@pytest.mark.req("B01")
def test_a_tab_that_lost_the_recorder_still_sends_what_it_captured(recorded: Visit) -> None:
    """Its chunks are not lost: grants for known runs are renewed, and do not take the recorder back."""
    ask(recorded, "two", claims=True, takes_over=True)
    answer = ask(recorded, "one", run=0)
    assert answer.status_code == 200
    said: Any = answer.json
    grant = said["grants"][0]
    assert recorded.alice.put_chunk(grant["token"], grant["track_id"], 0, 0, b"sound").status_code == 201
    assert recorded.state()["recorder"]["tab"] == "two"


def test_after_a_crash_another_tab_records_by_itself(recorded: Visit) -> None:
    """A recorder that was not heard for a while is taken for closed."""
    recorded.room.clock.tick(seconds=RECORDER_SILENT.total_seconds() - 1)
    assert ask(recorded, "two", claims=True).status_code == 409
    recorded.room.clock.tick(seconds=2)
    assert recorded.state()["recorder"]["tab"] is None
    assert ask(recorded, "two", claims=True).status_code == 200


def test_a_renewal_keeps_the_recorder(recorded: Visit) -> None:
    """The tab that records is heard with each renewal of its grants."""
    for _ in range(4):
        recorded.room.clock.tick(seconds=20)
        recorded.state(recorded.carol)
        assert ask(recorded, "one", run=0).status_code == 200
    assert recorded.state()["recorder"]["tab"] == "one"
    assert ask(recorded, "two", claims=True).status_code == 409


def test_once_the_recording_stops_no_tab_holds_it(recorded: Visit) -> None:
    """The next recording may begin in any tab."""
    recorded.alice.ok(f"/sessions/{recorded.id}/recording/stop", {"last": {}})
    recorded.room.clock.tick(seconds=1)
    assert recorded.state()["recorder"]["tab"] is None
    assert recorded.start().status_code == 200
    assert ask(recorded, "two", claims=True).status_code == 200
