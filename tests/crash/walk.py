"""One whole visit over HTTP, as two browsers hold it that never give up: what fails on the way is sent again."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import requests

from plugin.demo.people import TIMEOUT_S, Client, Clinician, VisitFailed
from plugin.sandbox.process import Visitor

PATIENCE_S = 90.0
_PAUSE_S = 0.2
PIECE_BYTES = 8_000
"""About two seconds of a track."""

Found = TypeVar("Found")
Pieces = dict[bool, list[bytes]]
"""A recording's chunks by is_clinician."""


class Stubborn(requests.Session):
    """Repeats a request whose connection broke."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send until an answer comes."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return super().request(*args, **kwargs)
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)


def until(look: Callable[[], Found | None], *, most_s: float = PATIENCE_S) -> Found:
    """Look again until something is found. Raises TimeoutError."""
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(_PAUSE_S)
    raise TimeoutError("it did not come")


def pieces(tracks: dict[bool, list[bytes]]) -> Pieces:
    """Cut tracks into chunks of about two seconds."""
    whole = {who: b"".join(parts) for who, parts in tracks.items()}
    return {
        who: [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)] for who, body in whole.items()
    }


class Visit:
    """The walk; `steps` yields the name of each step before it is taken."""

    def __init__(self, base_url: str, ehr_url: str, recordings: list[Pieces]) -> None:
        self._ehr_url = ehr_url
        self._recordings = recordings
        self.clinician, self.client = Clinician(base_url), Client(base_url)
        self.clinician.http = Stubborn()
        self.client.http = Stubborn()
        self.sent: dict[tuple[str, int, int], bytes] = {}
        """Every chunk that was acknowledged, by track, run and number."""
        self.note_id = ""

    @property
    def session_id(self) -> str:
        """Return the session's id."""
        return self.clinician.session_id

    def hold(self) -> Iterator[str]:
        """Hold the visit up to End Session: decline, asked again, agree, record, stop, record again."""
        yield "launch"
        until(self._launched)
        yield "switch"
        self.clinician.switch_on()
        yield "open"
        self.clinician.start_session()
        yield "invite"
        link = self.clinician.invite()
        yield "join"
        self.client.join(link, "Maya Thompson")
        yield "admit"
        self.clinician.admit_everyone()
        yield "ask"
        self._ask()
        yield "decline"
        self.client.answer(agrees=False)
        yield "ask-again"
        self._ask()
        yield "agree"
        self.client.answer(agrees=True)
        for number, recording in enumerate(self._recordings):
            if number:
                yield "restart"
                self._ask()
            yield from self._record(recording, f"recording-{number}")
        yield "end"
        self.clinician.end()

    def wait(self) -> Iterator[str]:
        """Wait for the summary, yielding the session's state."""
        deadline = time.monotonic() + PATIENCE_S
        while (state := str(self.clinician.state()["state"])) not in {"ready", "empty", "failed"}:
            assert time.monotonic() < deadline, f"still {state}"
            yield state
            time.sleep(_PAUSE_S)
        assert state == "ready", self.clinician.state()["reason_public"]

    def document(self) -> Iterator[str]:
        """Make the note from the template with the summary, save it to the chart, sign it."""
        yield "note"
        chosen = re.search(r'value="([^"]+)"[^>]*>\s*AI Session Summary', self.clinician.page("/chart"))
        assert chosen is not None
        asked = {"session_id": self.session_id, "template_id": chosen[1]}
        self.note_id = self.clinician.post("/notes", asked)["note_id"]
        yield "save-to-chart"
        self.clinician.post(f"/notes/{self.note_id}/save-to-chart", {"revision": self._note()["revision"]})
        yield "sign"
        self._sign()

    def _launched(self) -> bool | None:
        try:
            self.clinician.launch(Visitor(self._ehr_url, {}), "dr-alice", "maya")
        except VisitFailed:  # a launch that was cut in the middle is refused; one clicks Launch again
            return None
        return True

    def _ask(self) -> None:
        """Click Start Recording; the client's page shows itself by polling."""

        def asked() -> bool | None:
            self.client.state()
            try:
                self.clinician.post(f"/sessions/{self.session_id}/recording/start")
            except VisitFailed as error:
                if "nobody_here" in str(error):
                    return None
                raise
            return True

        until(asked)

    def _recorder(self) -> dict[str, Any] | None:
        self.client.state()
        state = self.clinician.state()
        recorder: dict[str, Any] = state["recorder"]
        is_whole = state["state"] == "recording" and len(recorder["tracks"]) == 2
        return {**recorder, "people": state["participants"], "clock_ms": state["clock_ms"]} if is_whole else None

    def _record(self, recording: Pieces, name: str) -> Iterator[str]:
        yield f"{name}-grants"
        recorder = until(self._recorder)
        is_clinician = {each["id"]: each["is_clinician"] for each in recorder["people"]}
        tracks = {
            each["track_id"]: (each["next_run"], recording[is_clinician[each["participant_id"]]])
            for each in recorder["tracks"]
        }
        grants = self._grants(recorder)
        for number in range(max(len(chunks) for _, chunks in tracks.values())):
            yield f"{name}-chunk"
            for track_id, (run, chunks) in tracks.items():
                if number < len(chunks):
                    grants = self._upload(recorder, grants, (track_id, run, number), chunks[number])
        yield f"{name}-stop"
        last = {track_id: {"run": run, "number": len(chunks) - 1} for track_id, (run, chunks) in tracks.items()}
        self.clinician.post(f"/sessions/{self.session_id}/recording/stop", {"last": last})

    def _grants(self, recorder: dict[str, Any]) -> dict[str, str]:
        runs = [
            {
                "track_id": each["track_id"],
                "run": each["next_run"],
                "start_ms": recorder["clock_ms"],
                "mime": "audio/webm;codecs=opus",
            }
            for each in recorder["tracks"]
        ]
        asked = {"recording_id": recorder["recording_id"], "runs": runs}
        granted = self.clinician.post(f"/sessions/{self.session_id}/recording/grants", asked)
        return {each["track_id"]: each["token"] for each in granted["grants"]}

    def _upload(
        self, recorder: dict[str, Any], grants: dict[str, str], name: tuple[str, int, int], piece: bytes
    ) -> dict[str, str]:
        """Send a chunk until it is acknowledged; return the grants, renewed where they had expired."""
        track_id, run, number = name
        for _ in range(5):
            answer = self.clinician.http.put(
                f"{self.clinician.base_url}/chunks/{track_id}/{run}/{number}",
                data=piece,
                headers={"X-Capture-Grant": grants[track_id], "Content-Type": "application/octet-stream"},
                timeout=TIMEOUT_S,
            )
            if answer.ok:
                self.sent[name] = piece
                return grants
            assert answer.status_code == 403, answer.text
            grants = self._grants(recorder)
        raise AssertionError("a fresh grant was refused")

    def _note(self) -> dict[str, Any]:
        found: dict[str, Any] = self.clinician.get(f"/notes/{self.note_id}/state")
        return found

    def _sign(self) -> None:
        try:
            asked = {"attests": True, "revision": self._note()["revision"]}
            self.clinician.post(f"/notes/{self.note_id}/sign", asked)
        except VisitFailed:  # signed already, when the answer was lost: the page then shows it locked
            assert self._note()["status"] == "signed"
