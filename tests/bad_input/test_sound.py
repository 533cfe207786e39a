"""Tracks that hold no speech, or no sound: the session ends with its cause, and the worker goes on."""

import numpy as np
import pytest

from plugin.demo import sound
from plugin.demo.people import Clinician
from tests.bad_input.conftest import Place

RATE = 48_000
SILENT_S = 20


def _ended(clinician: Clinician, chunks: list[bytes]) -> str:
    for _ in clinician.record({True: chunks, False: chunks}):
        pass
    clinician.end()
    return list(clinician.wait_until_over(most_s=90))[-1]


@pytest.mark.req("S30", "T09")
def test_a_file_that_is_not_webm_fails_with_its_cause_and_the_worker_survives(place: Place) -> None:
    """The cause in words, Try again while the sound is there, no note made of it; the next session is processed."""
    worker = place.clinic.children["worker"].pid
    clinician, _ = place.recording()
    playlist = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n" * 50
    assert _ended(clinician, [playlist]) == "failed"
    told = clinician.state()
    assert told["reason"]
    assert told["reason_public"].endswith(".")
    page = clinician.page("/chart")
    assert told["reason_public"] in page
    assert f"/sessions/{clinician.session_id}/retry" in page
    assert clinician.post(f"/sessions/{clinician.session_id}/retry") is not None
    assert list(clinician.wait_until_over(most_s=90))[-1] == "failed"

    silent, _ = place.recording()
    assert _ended(silent, [sound.webm(np.zeros(RATE * SILENT_S, dtype=np.int16))]) == "empty"
    assert place.clinic.children["worker"].pid == worker


@pytest.mark.req("S30")
def test_silence_makes_no_summary_and_says_why(place: Place) -> None:
    """Empty with a reason; no summary is stored."""
    clinician, _ = place.recording()
    assert _ended(clinician, [sound.webm(np.zeros(RATE * SILENT_S, dtype=np.int16))]) == "empty"
    assert clinician.state()["reason"] == "too_little_speech"
    assert clinician.state()["reason_public"] in clinician.page("/chart")
    assert place.sql("SELECT count(*) FROM summary WHERE session_id = ?", clinician.session_id) == [(0,)]
