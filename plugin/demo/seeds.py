"""Two visits for the demo, walked over HTTP through the real pipeline: one finished, one already signed and erased."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plugin.demo import sound
from plugin.demo.people import Client, Clinician, VisitFailed
from plugin.demo.site import Site
from plugin.sandbox.process import Visitor

FINISHED_FOR, ERASED_FOR = "maya", "jonas"
ERASED_NAME = "Jonas Weber"
ERASED_PART_S = 75.0
PROCESSING_LIMIT_S = 600.0
AUDIO_LASTS_S = 22 * 3600.0
"""After this the finished visit is made again, since its sound is (almost) erased."""

Say = Callable[[str], None]


class Seeds:
    """Makes the sample visits once, and the finished one again when its audio has expired."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def _file(self) -> Path:
        return self._site.data_dir / "visits.json"

    def ensure(self, say: Say) -> None:
        """Make what is missing; `say` gets the progress."""
        known: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        if "erased" not in known:
            known["erased"] = self._erased_visit(say)
            self._file.write_text(json.dumps(known))
        if time.time() - known.get("finished_at", 0.0) > AUDIO_LASTS_S:
            known["finished"], known["finished_at"] = self._finished_visit(say), time.time()
            self._file.write_text(json.dumps(known))

    def _clinician(self, patient: str) -> Clinician:
        ehr = Visitor(self._site.ehr_url, {})
        clinician = Clinician(self._site.base_url)
        clinician.launch(ehr, "dr-alice", patient)
        return clinician

    def hold(self, patient: str, name: str, *, end_s: float, say: Say) -> Clinician:
        """Hold a visit from launch to summary."""
        say("Sample visit: preparing its two tracks ...")
        tracks = sound.tracks(end_s=end_s)
        clinician, client = self._clinician(patient), Client(self._site.base_url)
        clinician.switch_on()
        clinician.start_session()
        client.join(clinician.invite(), name)
        clinician.admit_everyone()
        client.state()
        clinician.post(f"/sessions/{clinician.session_id}/recording/start")
        client.answer(agrees=True)
        for done, total in clinician.record(tracks):
            say(f"Sample visit: recording {100 * done // total} %")
        clinician.end()
        for state in clinician.wait_until_over(most_s=PROCESSING_LIMIT_S):
            say(f"Sample visit: {state} (speech recognition of {min(end_s, 433):.0f} s of two speakers, once) ...")
        return clinician

    def _finished_visit(self, say: Say) -> str:
        """A visit whose summary is ready, with words and sound to follow."""
        return self.hold(FINISHED_FOR, "Maya Thompson", end_s=1e9, say=say).session_id

    def _erased_visit(self, say: Say) -> str:
        """A visit whose note is signed, so that its recording is erased: tombstone and receipt."""
        clinician = self.hold(ERASED_FOR, ERASED_NAME, end_s=ERASED_PART_S, say=say)
        say(f"Sample visit: signing {ERASED_NAME}'s note ...")
        chosen = re.search(r'value="([^"]+)"[^>]*>\s*AI Session Summary', clinician.page("/chart"))
        if chosen is None:
            raise VisitFailed("the chart page offers no template AI Session Summary")
        note_id = clinician.post("/notes", {"session_id": clinician.session_id, "template_id": chosen[1]})["note_id"]
        revision = clinician.get(f"/notes/{note_id}/state")["revision"]
        clinician.post(f"/notes/{note_id}/sign", {"attests": True, "revision": revision})
        return clinician.session_id
