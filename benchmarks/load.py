"""Fifty sessions at once against the running clinic, as a process of its own: `python -m benchmarks.load SITE.json`.

Each session comes from an address of its own (127.1.0.N), as browsers would: two tracks with a chunk each 2 s, the
state polled by both sides each 2 s, grants renewed each 20 s. Then each client withdraws while chunks go on.
"""

import asyncio
import json
import os
import random
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import requests
from requests.adapters import HTTPAdapter

from benchmarks.figures import in_ms
from plugin.demo.people import Client, Clinician
from plugin.sandbox.process import Visitor

CHUNK_EVERY_S = POLL_EVERY_S = 2.0
RENEW_EVERY_S = 20.0
CHUNK_BYTES = 8_000
WARM_UP_S = 20.0
_QUIET_WITHIN_S = 300.0
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_PATIENTS = ("maya", "aisha", "sam")


class _FromAddress(HTTPAdapter):
    """Sends from a loopback address of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._address, 0))


@dataclass(slots=True, kw_only=True)
class Room:
    """One session that records, with what its two browsers know."""

    address: str
    clinician: Clinician
    client: Client
    session_id: str
    recording_id: str
    tracks: list[str]
    grants: dict[str, str] = field(default_factory=dict)
    next_number: int = 0


@dataclass(slots=True, kw_only=True)
class Taken:
    """What was measured, in seconds; and every answer that was no success."""

    chunks: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    renewals: list[float] = field(default_factory=list)
    withdrawals: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    def error(self, what: str) -> None:
        """Count one."""
        self.errors[what] = self.errors.get(what, 0) + 1


def _launched(site: dict[str, Any], patient: str) -> requests.Session:
    clinician = Clinician(site["base_url"])
    clinician.launch(Visitor(site["ehr_url"], {}), "dr-alice", patient)
    clinician.switch_on()
    return clinician.http


def _open(site: dict[str, Any], cookies: Any, number: int) -> Room:
    """Open one session and start to record in it."""
    address = f"127.1.{number // 250}.{number % 250 + 1}"
    clinician, client = Clinician(site["base_url"]), Client(site["base_url"])
    for each in (clinician, client):
        each.http.mount("http://127.0.0.1", _FromAddress(address))
    clinician.http.cookies.update(cookies)
    clinician.page("/chart")
    session_id = clinician.start_session()
    database = sqlite3.connect(site["database"], timeout=20)
    with database:  # a second session within ten seconds counts as a second click on the first
        database.execute("UPDATE telehealth_session SET started_at = datetime(started_at, '-1 minute')")
    database.close()
    client.join(clinician.invite(), "Load")
    clinician.admit_everyone()
    client.state()
    clinician.post(f"/sessions/{session_id}/recording/start")
    client.answer(agrees=True)
    recorder = clinician.state()["recorder"]
    return Room(
        address=address,
        clinician=clinician,
        client=client,
        session_id=session_id,
        recording_id=recorder["recording_id"],
        tracks=[each["track_id"] for each in recorder["tracks"]],
    )


class Load:
    """The fifty sessions on one event loop."""

    def __init__(self, base_url: str, rooms: list[Room], lasts_s: float) -> None:
        self._base = base_url
        self._rooms = rooms
        self._lasts_s = lasts_s
        self.taken = Taken()
        self._chunk = random.Random(1).randbytes(CHUNK_BYTES)
        self._begin = 0.0

    async def run(self) -> None:
        """Load, then withdraw in one session after the other."""
        self._begin = time.monotonic() + 1.0
        await asyncio.gather(*(self._room(each, number) for number, each in enumerate(self._rooms)))

    def _http(self, room: Room, who: Clinician | Client | None) -> aiohttp.ClientSession:
        cookies = {} if who is None else {each.name: each.value or "" for each in who.http.cookies}
        headers = {} if who is None else {"X-CSRFToken": who._token}
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(room.address, 0), limit=6),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())},
            timeout=_TIMEOUT,
        )

    async def _room(self, room: Room, number: int) -> None:
        offset = CHUNK_EVERY_S * number / len(self._rooms)
        async with (
            self._http(room, room.clinician) as clinician,
            self._http(room, room.client) as client,
            self._http(room, None) as recorder,
        ):
            await self._renew(room, clinician)
            jobs = [
                self._every(CHUNK_EVERY_S, offset, lambda: self._chunks(room, recorder)),
                self._every(POLL_EVERY_S, offset + 0.7, lambda: self._poll(room, clinician)),
                self._every(POLL_EVERY_S, offset + 1.3, lambda: self._poll(room, client)),
                self._every(RENEW_EVERY_S, offset + 0.3, lambda: self._renew(room, clinician)),
            ]
            await asyncio.gather(*jobs)

    async def _every(self, pause_s: float, offset_s: float, act: Any) -> None:
        """Act at fixed times, whatever the last answer took, so that a slow server is not spared."""
        begun, count = [], 0
        while (due := self._begin + offset_s + count * pause_s) < self._begin + self._lasts_s:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            begun.append(asyncio.create_task(act()))
            count += 1
        await asyncio.gather(*begun)

    def _note(self, into: list[float], started: float, status: int, what: str) -> None:
        if status >= 300:
            self.taken.error(f"{what} {status}")
        if started - self._begin > WARM_UP_S:
            into.append(time.monotonic() - started)

    async def _put(self, room: Room, http: aiohttp.ClientSession, track: str, number: int) -> int:
        url = f"{self._base}/chunks/{track}/0/{number}"
        headers = {"X-Capture-Grant": room.grants.get(track, ""), "Content-Type": "application/octet-stream"}
        async with http.put(url, data=self._chunk, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def _chunks(self, room: Room, http: aiohttp.ClientSession) -> None:
        number, room.next_number = room.next_number, room.next_number + 1

        async def one(track: str) -> None:
            started = time.monotonic()
            try:
                status = await self._put(room, http, track, number)
            except (aiohttp.ClientError, TimeoutError) as error:
                self.taken.error(f"chunk {type(error).__name__}")
                return
            self._note(self.taken.chunks, started, status, "chunk")

        await asyncio.gather(*(one(track) for track in room.tracks))

    async def _poll(self, room: Room, http: aiohttp.ClientSession) -> None:
        started = time.monotonic()
        try:
            async with http.get(f"{self._base}/room/{room.session_id}/state") as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.taken.error(f"poll {type(error).__name__}")
            return
        self._note(self.taken.polls, started, answer.status, "poll")

    async def _renew(self, room: Room, http: aiohttp.ClientSession) -> None:
        runs = [{"track_id": each, "run": 0, "start_ms": 0, "mime": "audio/webm"} for each in room.tracks]
        asked = {"recording_id": room.recording_id, "runs": runs}
        started = time.monotonic()
        try:
            async with http.post(f"{self._base}/sessions/{room.session_id}/recording/grants", json=asked) as answer:
                body = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.taken.error(f"grants {type(error).__name__}")
            return
        self._note(self.taken.renewals, started, answer.status, "grants")
        if answer.status < 300:
            room.grants = {each["track_id"]: each["token"] for each in body["grants"]}

    async def withdraw(self) -> None:
        """In each session: the client withdraws while chunks go on; time from the click to the first refusal."""
        for room in self._rooms:
            async with (
                self._http(room, room.clinician) as clinician,
                self._http(room, room.client) as client,
                self._http(room, None) as recorder,
            ):
                await self._renew(room, clinician)
                clicked = time.monotonic()
                url = f"{self._base}/room/{room.session_id}/withdraw"
                click = asyncio.create_task(self._post(client, url))
                status, number = 201, room.next_number
                while status < 300:
                    status, number = await self._put(room, recorder, room.tracks[0], number), number + 1
                self.taken.withdrawals.append(time.monotonic() - clicked)
                if status not in {403, 410}:
                    self.taken.error(f"refusal {status}")
                await click

    async def _post(self, http: aiohttp.ClientSession, url: str) -> None:
        async with http.post(url, json={}) as answer:
            if answer.status != 200:
                self.taken.error(f"withdraw {answer.status}")


def _wait_for_the_chart(site: dict[str, Any]) -> None:
    """Fifty visits do not begin in one minute: let what their beginning owes to the chart be filed first."""
    deadline = time.monotonic() + _QUIET_WITHIN_S
    database = sqlite3.connect(site["database"], timeout=20)
    while database.execute("SELECT count(*) FROM filing WHERE done < wanted").fetchone()[0]:
        if time.monotonic() > deadline:
            break
        time.sleep(1.0)
    database.close()


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of the web server and what it started."""
    first = psutil.Process(pid)
    times = [each.cpu_times() for each in [first, *first.children(recursive=True)]]
    return float(sum(each.user + each.system for each in times))


def main() -> int:
    """Read the site, load it, print the figures as JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    site = json.loads(Path(sys.argv[1]).read_text())
    cookies = [_launched(site, patient).cookies for patient in _PATIENTS]
    rooms = [_open(site, cookies[number % len(cookies)], number) for number in range(site["sessions"])]
    _wait_for_the_chart(site)
    load = Load(site["base_url"], rooms, site["lasts_s"])
    before_s = _cpu_s(site["web_pid"])
    asyncio.run(load.run())
    used_s = _cpu_s(site["web_pid"]) - before_s
    asyncio.run(load.withdraw())
    taken = load.taken
    print(
        json.dumps(
            {
                "sessions": len(rooms),
                "lasts_s": site["lasts_s"],
                "warm_up_s": WARM_UP_S,
                "load_generator": "own process, pinned to one core; the server was not pinned",
                "chunk_upload": in_ms(taken.chunks),
                "state_poll": in_ms(taken.polls),
                "grant_renewal": in_ms(taken.renewals),
                "withdrawal_click_to_refusal": in_ms(taken.withdrawals),
                "server_cores_used": round(used_s / site["lasts_s"], 2),
                "errors": taken.errors,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
