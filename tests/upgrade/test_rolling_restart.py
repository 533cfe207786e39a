"""A rolling restart in the middle of a recording: new processes beside the old ones, then the old ones end."""

from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from plugin.demo import sound
from plugin.demo.processes import Child
from plugin.sandbox.process import free_port
from smart_app import config
from smart_app import kit as kits
from smart_app.session import State
from smart_app.store import sessions, tables
from tests.crash.walk import Visit, pieces, until
from tests.fakes.clinic import Clinic, clinic

HEARD_S = 16.0
CHUNK = "recording-0-chunk"
OVER = {State.READY, State.EMPTY, State.FAILED}


def replace_processes(running: Clinic, visit: Visit) -> None:
    """Start a new web process and worker, lead both people to the new one as a proxy would, and stop the old ones."""
    port = free_port()
    old, url = dict(running.children), f"http://127.0.0.1:{port}"
    for which, arguments in (("web", ["serve", "--port", str(port)]), ("worker", ["worker"])):
        child = Child(which, arguments, running.env, running.site.data_dir / f"new-{which}.log")
        child.start()
        running.children[which] = child  # type: ignore[index]
    running.children["web"].wait_for(f"{url}/healthz")
    visit.clinician.base_url = visit.client.base_url = url
    for each in old.values():
        each.stop()


@pytest.mark.req("S25")
@pytest.mark.timeout(180)
def test_a_session_that_records_survives_a_rolling_restart(tmp_path: Path) -> None:
    """No request fails, nobody is asked or signed in again; one recording with every chunk, and it is processed."""
    with clinic(tmp_path) as running:
        visit = Visit(running.site.base_url, running.site.ehr_url, [pieces(sound.tracks(end_s=HEARD_S))])
        visit.clinician.http, visit.client.http = requests.Session(), requests.Session()  # these do not send again
        chunks = 0
        for step in visit.hold():
            chunks += step == CHUNK
            if step == CHUNK and chunks == 3:
                replace_processes(running, visit)
        assert chunks > 4, "it was replaced in the middle"
        kit = kits.make(config.load(running.env))

        def is_over() -> bool | None:
            with kit.db.read() as db:
                return True if sessions.find(db, visit.session_id).state in OVER else None

        until(is_over)
        with kit.db.read() as db:
            assert db.scalar(select(func.count()).select_from(tables.Chunk)) == len(visit.sent) > 4
            assert db.scalar(select(func.count()).select_from(tables.Recording)) == 1
            assert sorted(db.scalars(select(tables.RecordingConsent.status))) == ["active", "rejected"]
            assert db.scalar(select(func.count()).select_from(tables.Launch)) == 1
            assert sessions.find(db, visit.session_id).state != State.FAILED
        kit.db.close()
