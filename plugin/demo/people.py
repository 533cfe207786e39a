"""A clinician and a client without a browser: they walk a visit over the same HTTP as the pages do."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from plugin.sandbox.process import Visitor

TIMEOUT_S = 30.0
POLL_S = 0.3


class VisitFailed(Exception):
    """The app answered something else than it should; the message names the step, the status and the error's code."""


class _Caller:
    """A browser's HTTP: cookies, the CSRF token of a page, JSON."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.http = requests.Session()
        self.http.trust_env = False
        self._token = ""

    def page(self, path: str) -> str:
        """Fetch a page and keep its CSRF token."""
        answer = self.http.get(self.base_url + path, timeout=TIMEOUT_S)
        self._keep_token(answer)
        return answer.text

    def _keep_token(self, answer: requests.Response) -> None:
        found = re.search(r'name="csrf-token" content="([^"]+)"', answer.text)
        if found:
            self._token = found[1]

    def get(self, path: str) -> Any:
        """Fetch JSON (None for an empty answer)."""
        return self._json("GET", path, self.http.get(self.base_url + path, timeout=TIMEOUT_S))

    def post(self, path: str, body: Any = None) -> Any:
        """Post JSON."""
        headers = {"X-CSRFToken": self._token}
        answer = self.http.post(self.base_url + path, json=body or {}, headers=headers, timeout=TIMEOUT_S)
        return self._json("POST", path, answer)

    @staticmethod
    def _json(method: str, path: str, answer: requests.Response) -> Any:
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        body = answer.json() if is_json else None
        if not answer.ok:
            raise VisitFailed(f"{method} {path}: {answer.status_code} {(body or {}).get('code', '')}")
        return body


class Client(_Caller):
    """An invited client."""

    session_id = ""

    def join(self, link: str, name: str) -> None:
        """Open the invitation link and enter the waiting room."""
        self.page("/join")
        token = urlsplit(link).fragment.removeprefix("t=")
        self.session_id = self.post("/join", {"token": token})["session_id"]
        self.post(f"/room/{self.session_id}/ready", {"name": name, "is_camera": False, "is_microphone": True})

    def state(self) -> dict[str, Any]:
        """Return the session's state as the client sees it."""
        found: dict[str, Any] = self.get(f"/room/{self.session_id}/state")
        return found

    def answer(self, *, agrees: bool) -> None:
        """Answer the consent question."""
        question = self.get(f"/room/{self.session_id}/question")
        answer = {"consent_id": question["consent_id"], "agrees": agrees, "text_version": question["text_version"]}
        self.post(f"/room/{self.session_id}/answer", answer)


class Clinician(_Caller):
    """A clinician who launched Chartside from a chart of the sandbox EHR."""

    session_id = ""

    def launch(self, ehr: Visitor, user: str, patient: str) -> None:
        """Sign in at the EHR and click Launch on a chart."""
        ehr.sign_in(user)
        chart = f"/patients/{patient}"
        link = ehr.submit(chart, f"{chart}/launch", encounter=f"{patient}-today").headers["Location"]
        self.http.cookies.update(ehr.http.cookies)
        # As a top-level window of a browser asks; in a frame the app would offer the way out of it first.
        answer = self.http.get(link, headers={"Sec-Fetch-Dest": "document"}, timeout=TIMEOUT_S)
        if urlsplit(answer.url).path != "/chart":
            raise VisitFailed(f"launch: {answer.status_code} at {urlsplit(answer.url).path}")
        self._keep_token(answer)

    def switch_on(self) -> None:
        """Give the AI usage consent."""
        self.post("/profile/ai-consent", {"is_on": True})

    def start_session(self) -> str:
        """Start a session for the chart's patient; return its id."""
        form = {"csrf_token": self._token}
        answer = self.http.post(f"{self.base_url}/sessions", data=form, timeout=TIMEOUT_S)
        found = re.search(r"/sessions/([0-9a-f]+)", urlsplit(answer.url).path)
        if not answer.ok or found is None:
            raise VisitFailed(f"start session: {answer.status_code}")
        self._keep_token(answer)
        self.session_id = found[1]
        return self.session_id

    def invite(self) -> str:
        """Make an invitation link."""
        link: str = self.post(f"/sessions/{self.session_id}/invitations")["url"]
        return link

    def state(self) -> dict[str, Any]:
        """Return the session's state as the clinician sees it."""
        found: dict[str, Any] = self.get(f"/room/{self.session_id}/state")
        return found

    def admit_everyone(self) -> None:
        """Admit whoever waits."""
        for person in self.state()["participants"]:
            if person["presence"] == "waiting":
                answer = {"role": "client", "recognised": True}
                self.post(f"/sessions/{self.session_id}/participants/{person['id']}/admit", answer)

    def record(self, tracks: Mapping[bool, Sequence[bytes]]) -> Iterator[tuple[int, int]]:
        """Upload finished tracks (by is_clinician) as a browser would, and stop; yield chunks done and in all."""
        state = self.state()
        recorder = state["recorder"]
        is_clinician = {person["id"]: person["is_clinician"] for person in state["participants"]}
        chunks = {each["track_id"]: tracks[is_clinician[each["participant_id"]]] for each in recorder["tracks"]}
        runs = [
            {"track_id": id_, "run": 0, "start_ms": state["clock_ms"], "mime": "audio/webm;codecs=opus"}
            for id_ in chunks
        ]
        asked = {"recording_id": recorder["recording_id"], "runs": runs}
        granted = self.post(f"/sessions/{self.session_id}/recording/grants", asked)
        tokens = {grant["track_id"]: grant["token"] for grant in granted["grants"]}
        total, done = sum(len(pieces) for pieces in chunks.values()), 0
        for track_id, pieces in chunks.items():
            for number, piece in enumerate(pieces):
                self._upload(f"/chunks/{track_id}/0/{number}", tokens[track_id], piece)
                done += 1
                yield done, total
        last = {track_id: {"run": 0, "number": len(pieces) - 1} for track_id, pieces in chunks.items()}
        self.post(f"/sessions/{self.session_id}/recording/stop", {"last": last})

    def _upload(self, path: str, token: str, piece: bytes) -> None:
        headers = {"X-Capture-Grant": token, "Content-Type": "application/octet-stream"}
        answer = self.http.put(self.base_url + path, data=piece, headers=headers, timeout=TIMEOUT_S)
        self._json("PUT", path, answer)

    def end(self) -> None:
        """End the session for everybody."""
        self.post(f"/sessions/{self.session_id}/end", {"last": {}})

    def wait_until_over(self, *, most_s: float) -> Iterator[str]:
        """Yield the session's state until it is ready, empty or failed. Raises VisitFailed after `most_s` seconds."""
        deadline = time.monotonic() + most_s
        while time.monotonic() < deadline:
            state: str = self.state()["state"]
            yield state
            if state in {"ready", "empty", "failed"}:
                return
            time.sleep(POLL_S)
        raise VisitFailed(f"no summary after {most_s:.0f} s")
