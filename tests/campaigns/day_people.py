"""What the people of a bad day do: one session each, as browsers that never give up hold it, by one of many courses."""

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from werkzeug.test import TestResponse

from smart_app.errors import ChartsideError
from smart_app.recording.reading import run_chunks
from tests.campaigns.day_site import Browser, Site
from tests.fakes.site import all_kept, sound_chunk

Walk = Generator[float, None, None]
"""Yields the simulated seconds until the next step."""
Act = Callable[[], Any]
"""Returns what is neither None nor False when it is done."""

PAUSE_S = 7.0
WAKE_S, LAUNCH_S = 60.0, 30.0
MOST_TRIES = 500
TEMPLATE = "soap-progress-note"
MIME = "audio/webm;codecs=opus"
PIECES = 2
COURSES = {
    "signed": 24,
    "saved to the chart, then signed": 8,
    "two recordings, signed": 6,
    "never signed": 8,
    "declined": 7,
    "declined, asked again, signed": 5,
    "withdrawn while recording": 6,
    "withdrawn before the summary": 5,
    "withdrawn after it was saved to the chart": 5,
    "withdrawn after signing": 4,
    "abandoned while recording": 6,
    "abandoned while asking": 4,
    "left and ended later": 5,
    "slow and doubled uploads": 5,
    "last chunk never sent": 4,
}
"""How often each is drawn, of 102."""
WITHOUT_SOUND = frozenset({"declined", "abandoned while asking"})


class Stuck(Exception):
    """A step was never done, however often it was tried."""


@dataclass
class Told:
    """What all of them noticed."""

    chunks: int = 0
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    captured_without_consent: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    courses: Counter[str] = field(default_factory=Counter)


@dataclass
class Life:
    """One session, from the launch on."""

    site: Site
    told: Told
    number: int
    course: str
    session_id: str = ""
    note_id: str = ""
    may_capture: bool = False
    has_agreed: bool = False
    is_withdrawn: bool = False
    is_signed: bool = False
    is_over: bool = False
    was_jumped: bool = False
    """The clock was set by a day while it lasted: its sound may be gone early, and with it the summary."""
    first_byte_at: datetime | None = None
    participant: str = ""
    sent: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give both a browser."""
        self.patient, self.clinician = f"p-{self.number}", f"dr-{self.number % 8}"
        self._alice, self._carol = Browser(self.site, 2 * self.number), Browser(self.site, 2 * self.number + 1)

    @property
    def name(self) -> str:
        """Return what to call it."""
        return f"{self.number} ({self.course})"

    def walk(self) -> Walk:
        """Live it."""
        try:
            yield from self._walk()
        except Stuck as error:
            self.told.stuck.append(f"{self.name}: {error}")
        self.is_over = True
        self.sent = {track: [] for track in self.sent}
        self._alice.close()
        self._carol.close()

    # --- how each step is done ----------------------------------------------------------------------------------------

    def _until(self, name: str, act: Act, *, pause_s: float = PAUSE_S) -> Generator[float, None, Any]:
        for _ in range(MOST_TRIES):
            self._arm()
            found = act()
            self.site.sniper.left = 0
            if found is not None and found is not False:
                return found
            yield pause_s
        raise Stuck(name)

    def _arm(self) -> None:
        """Once in a while the web process is about to die."""
        if self.site.is_web_doomed or self.site.dice.random() < 0.002:
            self.site.is_web_doomed = False
            self.site.sniper.left = self.site.dice.randrange(1, 30)

    def _send(self, who: Browser, method: str, path: str, **what: Any) -> TestResponse | None:
        answer = who.send(method, path, **what)
        if answer is not None and answer.status_code == 401 and who is self._alice:
            self._sign_in()
        return answer if answer is not None and answer.status_code < 400 else None

    def _post(self, who: Browser, path: str, body: object = None) -> TestResponse | None:
        return self._send(who, "POST", path, json=body if body is not None else {})

    def _sign_in(self) -> bool:
        self.site.ehr.admit(self.patient, self.clinician)
        return self._alice.launch()

    def _state(self) -> dict[str, Any] | None:
        """Poll, as both pages do; return what the clinician's shows."""
        if self.participant:
            self._carol.send("GET", f"/room/{self.session_id}/state")
        answer = self._send(self._alice, "GET", f"/room/{self.session_id}/state")
        found: dict[str, Any] | None = answer.get_json() if answer is not None else None
        return found

    def _is(self, *states: str) -> bool:
        found = self._state()
        return found is not None and found["state"] in states

    # --- the steps ----------------------------------------------------------------------------------------------------

    def _open(self) -> Walk:
        yield from self._until("launch", self._sign_in, pause_s=LAUNCH_S)
        yield from self._until("switch", lambda: self._post(self._alice, "/profile/ai-consent", {"is_on": True}))
        opened = yield from self._until("open", lambda: self._post(self._alice, "/sessions"))
        self.session_id = opened.location.rsplit("/", 1)[1]
        yield from self._until("join", self._join)
        self._try_without_consent("before anybody was asked")
        yield from self._until("ready", self._ready)
        yield from self._until("admit", self._admit)

    def _join(self) -> bool:
        made = self._post(self._alice, f"/sessions/{self.session_id}/invitations")
        token = made.get_json()["url"].split("#t=")[1] if made is not None else ""
        joined = self._post(self._carol, "/join", {"token": token}) if token else None
        if joined is None:
            return False
        self.participant = joined.get_json()["participant_id"]
        return True

    def _ready(self) -> Any:
        body = {"name": "Carol", "is_camera": True, "is_microphone": True}
        return self._post(self._carol, f"/room/{self.session_id}/ready", body)

    def _admit(self) -> Any:
        path = f"/sessions/{self.session_id}/participants/{self.participant}/admit"
        return self._post(self._alice, path, {"role": "client", "recognised": True})

    def _ask(self) -> Walk:
        yield from self._until("ask", self._start)
        yield 5.0

    def _start(self) -> bool:
        if self._is("asking", "recording"):
            return True
        self._post(self._alice, f"/sessions/{self.session_id}/recording/start")
        return self._is("asking", "recording")

    def _answer(self, *, agrees: bool) -> Walk:
        self._try_without_consent("while it was asked")
        yield from self._until("answer", lambda: self._say(agrees=agrees))
        self.has_agreed = self.has_agreed or agrees
        self.may_capture = agrees
        if not agrees:
            self._try_without_consent("after a decline")

    def _say(self, *, agrees: bool) -> bool:
        shown = self._send(self._carol, "GET", f"/room/{self.session_id}/question")
        question = shown.get_json() if shown is not None and shown.data else None
        if question:
            body = {name: question[name] for name in ("consent_id", "text_version")}
            # What was sent may count although its reply never came.
            self.may_capture = self.may_capture or agrees
            self._post(self._carol, f"/room/{self.session_id}/answer", {**body, "agrees": agrees})
        return self._is("recording" if agrees else "open")

    def _record(self, *, is_slow: bool = False, lacks_last: bool = False, is_cut: bool = False) -> Walk:
        """Record both tracks in pieces; stop unless it is cut."""
        state = yield from self._until("recorder", self._recorder)
        recorder, body = state["recorder"], sound_chunk()
        size = len(body) // PIECES + 1
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        tracks = {each["track_id"]: each["next_run"] for each in recorder["tracks"]}
        last = {track: {"run": run, "number": len(pieces) - 1} for track, run in tracks.items()}
        late: list[tuple[str, int, int]] = []
        for number in range(len(pieces)):
            for track, run in tracks.items():
                if lacks_last and number == len(pieces) - 1:
                    continue
                if is_slow and number == 1:
                    late.append((track, run, number))
                    continue
                yield from self._upload(recorder, (track, run, number), pieces[number])
            yield self.site.dice.uniform(2, 12)
            self._state()
        if is_cut:
            return
        yield from self._until("stop", lambda: self._stop(last))
        yield self.site.dice.uniform(0, 200) if late else 0.0
        for name in late:
            yield from self._upload(recorder, name, pieces[name[2]])
            yield from self._upload(recorder, name, pieces[name[2]])

    def _recorder(self) -> dict[str, Any] | None:
        state = self._state()
        is_whole = state is not None and state["state"] == "recording" and len(state["recorder"]["tracks"]) == 2
        return state if is_whole else None

    def _grant(self, recorder: dict[str, Any], track: str, run: int) -> str:
        """Return a fresh token of one track; empty when there is none to have."""
        runs = [{"track_id": track, "run": run, "start_ms": 0, "mime": MIME}]
        body = {"recording_id": recorder["recording_id"], "runs": runs}
        granted = self._post(self._alice, f"/sessions/{self.session_id}/recording/grants", body)
        tokens = granted.get_json()["grants"] if granted is not None else []
        return next((str(each["token"]) for each in tokens if each["track_id"] == track), "")

    def _put(self, token: str, name: tuple[str, int, int], body: bytes) -> TestResponse | None:
        path = "/chunks/{}/{}/{}".format(*name)
        headers = {"X-Capture-Grant": token}
        return self._carol.send("PUT", path, data=body, headers=headers, content_type="application/octet-stream")

    def _upload(self, recorder: dict[str, Any], name: tuple[str, int, int], body: bytes) -> Walk:
        track, run, number = name

        def put() -> bool:
            self._state()
            self._token = self._grant(recorder, track, run)
            answer = self._put(self._token, name, body) if self._token else None
            return answer is not None and answer.status_code < 300

        if self.first_byte_at is None:
            self.first_byte_at = self.site.machine.true
        yield from self._until("upload", put)
        self._name = name
        pieces = self.sent.setdefault(f"{track}/{run}", [])
        if number >= len(pieces):
            pieces += [b""] * (number + 1 - len(pieces))
        if not pieces[number]:
            self.told.chunks += 1
        pieces[number] = body

    def _stop(self, last: dict[str, Any]) -> bool:
        if self._is("recording", "asking"):
            self._post(self._alice, f"/sessions/{self.session_id}/recording/stop", {"last": last})
        return self._is("open", "ended", "processing", "ready", "empty")

    def _end(self) -> Walk:
        def end() -> bool:
            self._post(self._alice, f"/sessions/{self.session_id}/end", {"last": {}})
            return self._is("ended", "processing", "ready", "empty", "failed")

        if not self.is_withdrawn:
            self._look_at_chunks()
        yield from self._until("end", end)

    def _wait(self) -> Walk:
        """Wait for the summary; the end has woken the worker."""
        for _ in range(MOST_TRIES):
            self.site.work()
            if self._is("ready", "empty", "failed"):
                return
            yield WAKE_S
        raise Stuck("summary")

    def _note(self, *, is_saved: bool = False, is_signed: bool = True) -> Walk:
        if not self._is("ready"):
            return  # its sound reached a deadline that a clock had brought forward
        body = {"session_id": self.session_id, "template_id": TEMPLATE}
        made = yield from self._until("note", lambda: self._post(self._alice, "/notes", body))
        self.note_id = made.get_json()["note_id"]
        path = f"/notes/{self.note_id}"
        yield from self._until("review", self._keep)
        if is_saved:
            yield from self._until("save", lambda: self._with_revision(f"{path}/save-to-chart", {}))
        yield 20.0
        if is_signed:
            yield from self._until("sign", self._sign)
        self.site.work()

    def _content(self) -> dict[str, Any] | None:
        answer = self._send(self._alice, "GET", f"/notes/{self.note_id}/content")
        return answer.get_json() if answer is not None else None

    def _keep(self) -> Any:
        content = self._content()
        if content is None:
            return None
        body = {"revision": content["revision"], "elements": all_kept(content)}
        return self._post(self._alice, f"/notes/{self.note_id}/save", body)

    def _with_revision(self, path: str, body: dict[str, Any]) -> Any:
        content = self._content()
        return self._post(self._alice, path, {**body, "revision": content["revision"]}) if content else None

    def _sign(self) -> bool:
        self._with_revision(f"/notes/{self.note_id}/sign", {"attests": True})
        answer = self._send(self._alice, "GET", f"/notes/{self.note_id}/state")
        self.is_signed = answer is not None and answer.get_json()["status"] == "signed"
        return self.is_signed

    def _withdraw(self) -> Walk:
        def withdraw() -> Any:
            return self._post(self._carol, f"/room/{self.session_id}/withdraw")

        yield from self._until("withdraw", withdraw)
        self.is_withdrawn, self.may_capture = True, False
        self._try_without_consent("after a withdrawal")

    # --- what must not be, and what must ------------------------------------------------------------------------------

    def _try_without_consent(self, when: str) -> None:
        """Try to get a grant and to send sound where nobody agreed, or not any more."""
        state = self._state()
        recorder = state["recorder"] if state is not None else {"recording_id": None, "tracks": []}
        old = getattr(self, "_token", "no-such-token")
        name = getattr(self, "_name", ("no-such-track", 0, 0))
        beyond = (name[0], name[1], name[2] + 1)
        answers = [self._put(old, beyond, b"stolen"), self._put("made-up", beyond, b"stolen")]
        self.told.refused += sum(answer is not None and answer.status_code >= 400 for answer in answers)
        if any(answer is not None and answer.status_code < 400 for answer in answers):
            self.told.captured_without_consent.append(f"{self.name}: a chunk was taken {when}")
        for each in recorder["tracks"]:
            if recorder["recording_id"] and self._grant(recorder, each["track_id"], 5):
                self.told.captured_without_consent.append(f"{self.name}: a grant was made {when}")

    def _look_at_chunks(self) -> None:
        """Read back what was acknowledged, before anything may be erased."""
        site = self.site
        for key, pieces in self.sent.items():
            track, _, run = key.partition("/")
            try:
                found = run_chunks(site.kit.db, site.kit.audio, track, int(run), now=site.machine.clock.now())
            except ChartsideError:
                found = []
            wanted = [piece for piece in pieces if piece]
            if found != wanted and not self.was_jumped:
                self.told.lost.append(f"{self.name}: {len(found)} of {len(wanted)} chunks of a track")

    # --- the courses --------------------------------------------------------------------------------------------------

    def _walk(self) -> Walk:
        course = self.course
        yield from self._open()
        yield from self._ask()
        if course == "abandoned while asking":
            return
        if course.startswith("declined"):
            yield from self._answer(agrees=False)
            if course == "declined":
                yield from self._end()
                return
            yield from self._ask()
        yield from self._answer(agrees=True)
        if course == "abandoned while recording":
            yield from self._record(is_cut=True)
            return
        yield from self._record(
            is_slow=course == "slow and doubled uploads", lacks_last=course == "last chunk never sent"
        )
        yield from self._after_recording(course)

    def _after_recording(self, course: str) -> Walk:
        if course == "withdrawn while recording":
            yield from self._ask()
            yield from self._withdraw()
        if course == "two recordings, signed":
            yield from self._ask()
            yield from self._record()
        if course == "left and ended later":
            leave = f"/room/{self.session_id}/leave"
            yield from self._until("leave", lambda: self._post(self._alice, leave, {"last": {}}))
            yield self.site.dice.uniform(60, 900)
        yield from self._end()
        if course == "withdrawn before the summary":
            yield from self._withdraw()
        yield from self._wait()
        if self.is_withdrawn:
            return
        is_late = course.startswith("withdrawn after")
        is_signed = course not in {"never signed", "withdrawn after it was saved to the chart"}
        yield from self._note(is_saved="saved" in course, is_signed=is_signed)
        if is_late:
            yield self.site.dice.uniform(5, 300)
            yield from self._withdraw()
