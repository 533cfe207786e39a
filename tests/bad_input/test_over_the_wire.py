"""Chunks that must not count, a late link, a full disk, no worker: asked of the real server over a real socket."""

import socket
import time

import pytest
import requests

from plugin.demo.people import Clinician, VisitFailed
from tests.bad_input.conftest import Place

TIMEOUT_S = 20.0
_RUN = {"run": 0, "start_ms": 0, "mime": "audio/webm;codecs=opus"}


def _grants(clinician: Clinician) -> dict[str, str]:
    recorder = clinician.state()["recorder"]
    runs = [{"track_id": each["track_id"], **_RUN} for each in recorder["tracks"]]
    asked = {"recording_id": recorder["recording_id"], "runs": runs}
    granted = clinician.post(f"/sessions/{clinician.session_id}/recording/grants", asked)
    return {each["track_id"]: each["token"] for each in granted["grants"]}


def _put(clinician: Clinician, track: str, number: int, body: bytes, grant: str) -> requests.Response:
    url = f"{clinician.base_url}/chunks/{track}/0/{number}"
    return requests.put(url, data=body, headers={"X-Capture-Grant": grant}, timeout=TIMEOUT_S)


def _refusal(answer: requests.Response) -> tuple[int, str]:
    told = answer.json()
    assert told["public"]
    return answer.status_code, told["code"]


@pytest.mark.req("B01")
def test_a_chunk_without_with_an_expired_or_a_foreign_grant_is_refused_and_not_stored(place: Place) -> None:
    """403 each time, in words, and the audio store stays as it was."""
    clinician, _ = place.recording()
    first, second = _grants(clinician).items()
    before = place.audio_files()
    assert _refusal(_put(clinician, first[0], 0, b"sound", "")) == (403, "grant_refused")
    assert _refusal(_put(clinician, first[0], 0, b"sound", "made-up")) == (403, "grant_refused")
    assert _refusal(_put(clinician, first[0], 0, b"sound", second[1])) == (403, "grant_refused")
    assert _put(clinician, first[0], 0, b"sound", first[1]).status_code == 201
    place.sql("UPDATE capture_grant SET expires_at = '2020-01-01 00:00:00.000000'")
    assert _refusal(_put(clinician, first[0], 1, b"sound", first[1])) == (403, "grant_refused")
    assert len(place.audio_files() - before) == 1
    clinician.end()


@pytest.mark.req("B01")
def test_it_answers_403_before_a_byte_of_the_body_was_sent(place: Place) -> None:
    """The grant is looked at first: a sender that has sent only the head is refused already."""
    clinician, _ = place.recording()
    track = next(iter(_grants(clinician)))
    head = (
        f"PUT /chunks/{track}/0/0 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Capture-Grant: made-up\r\n"
        "Content-Length: 900000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.clinic.site.port), timeout=TIMEOUT_S) as wire:
        wire.sendall(head.encode())
        assert wire.recv(64).startswith(b"HTTP/1.1 403")
    clinician.end()


@pytest.mark.req("S16")
def test_chunks_out_of_order_and_twice_count_once_and_other_bytes_or_after_stop_never(place: Place) -> None:
    """Order does not matter; what is stored under a number stays; beyond the stop nothing is taken."""
    clinician, _ = place.recording()
    (track, grant), (other, other_grant) = _grants(clinician).items()
    before = place.audio_files()
    assert [_put(clinician, track, number, b"%d" % number, grant).status_code for number in (2, 0, 1)] == [201] * 3
    assert _put(clinician, track, 1, b"1", grant).json() == {"repeat": True}
    assert _refusal(_put(clinician, track, 1, b"changed", grant)) == (409, "other_bytes")
    assert _put(clinician, other, 0, b"0", other_grant).status_code == 201
    last = {track: {"run": 0, "number": 2}, other: {"run": 0, "number": 1}}
    clinician.post(f"/sessions/{clinician.session_id}/recording/stop", {"last": last})
    assert _refusal(_put(clinician, track, 3, b"3", grant)) == (409, "beyond_stop")
    assert _put(clinician, other, 1, b"1", other_grant).status_code == 201  # captured before the stop: nothing lost
    assert len(place.audio_files() - before) == 5
    missing = clinician.get(f"/sessions/{clinician.session_id}/recording/missing")["tracks"]
    assert missing == {track: {"0": {"have": 3, "missing": []}}, other: {"0": {"have": 2, "missing": []}}}
    clinician.end()


@pytest.mark.req("T03")
def test_an_expired_join_link_says_so_and_lets_nobody_in(place: Place) -> None:
    """410 in words; nobody is in the room afterwards."""
    clinician = place.clinician()
    clinician.start_session()
    link = clinician.invite()
    place.sql(
        "UPDATE participant SET link_expires_at = '2020-01-01 00:00:00.000000' WHERE session_id = ? AND number > 0",
        clinician.session_id,
    )
    with pytest.raises(VisitFailed, match="410 link_over"):
        place.client().join(link, "Late")
    assert [each["presence"] for each in clinician.state()["participants"]] == ["here", "invited"]
    clinician.end()


@pytest.mark.req("T15")
def test_no_recording_starts_when_the_disk_is_nearly_full(place: Place) -> None:
    """The clinician reads why; nobody is asked; with room again it starts."""
    clinician, client = place.clinician(), place.client()
    clinician.switch_on()
    clinician.start_session()
    client.join(clinician.invite(), "Maya Thompson")
    clinician.admit_everyone()
    start = f"/sessions/{clinician.session_id}/recording/start"
    place.clinic.stop("web")
    place.clinic.start("web", CHARTSIDE_DISK_RESERVE_BYTES="1000000000000000")
    try:
        client.state()
        with pytest.raises(VisitFailed, match="507 disk_reserve"):
            clinician.post(start)
        assert (clinician.state()["state"], client.state()["question"]) == ("open", None)
    finally:
        place.clinic.stop("web")
        place.clinic.start("web")
    client.state()
    assert clinician.post(start)["state"] == "asking"
    assert client.state()["question"] is not None
    clinician.end()


@pytest.mark.req("S28")
def test_the_chart_page_says_when_no_worker_runs_and_the_summary_comes_when_one_does(place: Place) -> None:
    """Nothing is lost while the worker is down, and the page does not pretend."""
    clinician, _ = place.recording()
    (track, grant), (other, other_grant) = _grants(clinician).items()
    assert _put(clinician, track, 0, b"no sound at all", grant).status_code == 201
    assert _put(clinician, other, 0, b"no sound at all", other_grant).status_code == 201
    place.clinic.stop("worker")
    place.sql("UPDATE worker_beat SET at = '2020-01-01 00:00:00.000000'")
    clinician.end()
    assert "is not running. Nothing is lost" in clinician.page("/chart")
    assert clinician.state()["worker"]["is_alive"] is False
    place.clinic.start("worker")
    deadline = time.monotonic() + 60
    while not clinician.state()["worker"]["is_alive"]:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert list(clinician.wait_until_over(most_s=60))[-1] == "failed"
