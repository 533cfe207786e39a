"""A real Chromium with its own profile and voice, and a camera for its screens."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import BrowserContext, Error, Page, Playwright, Request

from plugin.browser import FLAGS, find_chromium
from tests.campaigns.scanner import MOST_BYTES
from tests.journeys.axe import assert_axe_clean, assert_fields_are_not_kept, assert_targets_are_large

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
MIDDLE = {"width": 768, "height": 1024}
PHONE = {
    "viewport": NARROW,
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36",
}
FAKE_CAMERA = "--use-fake-device-for-media-stream=fps=5"
"""Two browsers encode video on two cores beside a speech model: few pictures a second are enough to see them move."""
STEP_TIMEOUT_MS = 30_000
WATCH_PEERS = """
window.__peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...how) { super(...how); window.__peers.push(this); }
};
"""
RECEIVED = """async () => {
  const sums = {audio_bytes: 0, audio_energy: 0, frames: 0};
  for (const peer of window.__peers.filter((one) => one.connectionState === "connected")) {
    for (const one of (await peer.getStats()).values()) {
      if (one.type !== "inbound-rtp") continue;
      sums.frames += one.framesDecoded ?? 0;
      if (one.kind !== "audio") continue;
      sums.audio_bytes += one.bytesReceived;
      sums.audio_energy += one.totalAudioEnergy ?? 0;
    }
  }
  return sums;
}"""

SENT = """() => window.__peers.filter((one) => one.connectionState === "connected").flatMap((one) => one.getSenders())
  .filter((one) => one.track?.enabled && one.track.readyState === "live").map((one) => one.track.kind).sort()"""


@dataclass(slots=True, kw_only=True)
class Browser:
    """One Chromium process."""

    alive: ClassVar[list["Browser"]] = []
    name: str
    profile: Path
    context: BrowserContext
    sent_chunks: list[bytes] = field(default_factory=list)
    """The plain bytes of every chunk that a page of it uploaded."""
    issued_keys: set[bytes] = field(default_factory=set)
    """The keys of chunks that wait in it, raw and as they were written in the answer."""
    troubles: list[str] = field(default_factory=list)
    """Exceptions in its pages, and what a content policy refused."""

    @classmethod
    def start(
        cls,
        driver: Playwright,
        name: str,
        profile: Path,
        microphone: Path,
        more_flags: Sequence[str] = (),
        device: Mapping[str, Any] | None = None,
    ) -> "Browser":
        """Start it with a profile of its own; the microphone plays a WAV from its opening on, in a loop.

        `device` is what Playwright emulates; a desktop without it.
        """
        context = driver.chromium.launch_persistent_context(
            str(profile),
            executable_path=find_chromium(),
            args=[*FLAGS, FAKE_CAMERA, f"--use-file-for-fake-audio-capture={microphone}", *more_flags],
            locale="en-GB",
            timezone_id="UTC",
            **(device or {"viewport": WIDE}),
        )
        context.set_default_timeout(STEP_TIMEOUT_MS)
        context.add_init_script(WATCH_PEERS)
        browser = cls(name=name, profile=profile, context=context)
        context.on("request", lambda request: browser._note_request(request))
        context.on("requestfinished", lambda request: browser._note_key(request))
        context.on("weberror", lambda error: browser.troubles.append(str(error.error)))
        context.on("console", lambda message: browser._note_console(message))
        cls.alive.append(browser)
        return browser

    def _note_request(self, request: Request) -> None:
        if request.method == "PUT" and "/chunks/" in request.url and request.post_data_buffer:
            self.sent_chunks.append(request.post_data_buffer)

    def _note_key(self, request: Request) -> None:
        if request.url.endswith("/grants") and (response := request.response()) and response.ok:
            written = str(response.json()["chunk_key"])
            self.issued_keys |= {written.encode()[:MOST_BYTES], base64.b64decode(written)}

    def _note_console(self, message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.troubles.append(message.text)

    @property
    def page(self) -> Page:
        """Return the page that was opened last."""
        return self.context.pages[-1]

    def keep_sight(self, folder: Path) -> None:
        """Store what every open page shows."""
        for number, page in enumerate(self.context.pages):
            try:
                path = folder / f"{self.name}-{number}.png"
                page.screenshot(path=path, timeout=5000)
                print(f"{self.name}, page {number}: {page.url} {path}")
            except Error as error:
                print(f"{self.name}, page {number}: no picture ({error.message.splitlines()[0]})")
        print(f"{self.name}: troubles {self.troubles}")

    def close(self) -> None:
        """End the process."""
        Browser.alive.remove(self)
        self.context.close()


def received(page: Page) -> dict[str, float]:
    """Return what the page's live connections received: audio bytes, audio energy, decoded pictures."""
    found: dict[str, float] = page.evaluate(RECEIVED)
    return found


def sent_kinds(page: Page) -> list[str]:
    """Return the kinds of track that the page's live connections send something of."""
    found: list[str] = page.evaluate(SENT)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Looks at screens, and takes them where there is a folder for them."""

    folder: Path | None
    others: Path | None = None
    """Where the pictures go that no document shows; nowhere without it."""
    shown: frozenset[str] = frozenset()
    """The files' names of the pictures that documents show."""
    seen: set[str] = field(default_factory=set)
    """The names whose screens axe-core has looked at."""

    def take(self, page: Page, name: str, *, is_full: bool = False) -> None:
        """Store the page at 1280, 768 and 390 px. Fails when it is wider than the screen, or axe-core finds a fault."""
        for size in (NARROW, MIDDLE, WIDE) if self.folder else (NARROW, WIDE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.wait_for_timeout(150)
            page.wait_for_load_state()
            width = size["width"]
            if folder := self._folder(file := f"{name}-{width}.png"):
                page.screenshot(path=folder / file, full_page=is_full, animations="disabled", scale="css")
            overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, f"{name} is {overflow} px wider than a screen of {width} px"
        if name not in self.seen:
            self.seen.add(name)
            assert_axe_clean(page)
            assert_targets_are_large(page)
            assert_fields_are_not_kept(page)

    def _folder(self, file: str) -> Path | None:
        return self.folder if file in self.shown else self.others
