"""The sample client (demo only): a second browser that joins by the real link, answers the real screen and speaks.

`python -m plugin.demo.sample_client LINK --sound FILE.wav` plays one client; `Listener` starts one for each request of
the app.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from plugin.browser import FLAGS, HOW_TO_INSTALL, find_chromium
from plugin.demo import sound

LONGEST_VISIT_S = 3 * 3600
JOIN_TIMEOUT_MS = 60_000
_READS_FOR_MS = 2_500
"""How long the sample client reads the consent screen, so that one can see it."""
_MOST_BODY_BYTES = 4_096
SAMPLE_NAME = "Maya (sample client)"


def play(link: str, microphone: Path, *, agrees: bool = True) -> None:
    """Join by the link, wait to be admitted, answer the consent screen by click, and stay until the session is over."""
    from playwright.sync_api import Error, sync_playwright

    chromium = find_chromium()
    if chromium is None:
        raise FileNotFoundError(HOW_TO_INSTALL)
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as profile:
        context = driver.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            headless=not (os.environ.get("DISPLAY") or sys.platform == "darwin"),
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"],
            permissions=["camera", "microphone"],
        )
        with contextlib.suppress(Error):  # the person may close the window at any time
            page = context.pages[0]
            page.goto(link, timeout=JOIN_TIMEOUT_MS)
            page.get_by_label("Your name").fill(SAMPLE_NAME, timeout=JOIN_TIMEOUT_MS)
            page.get_by_role("button", name="Go to the waiting room").click(timeout=JOIN_TIMEOUT_MS)
            answer = "I Agree to Recording" if agrees else "I Decline Recording"
            button = page.get_by_role("button", name=answer)
            button.wait_for(timeout=LONGEST_VISIT_S * 1000)
            page.wait_for_timeout(_READS_FOR_MS)
            button.click()
            page.wait_for_event("close", timeout=LONGEST_VISIT_S * 1000)


class Listener:
    """Listens on loopback for the app's request to send a sample client: POST /join {"url": LINK}."""

    def __init__(self, port: int, *, base_url: str, sound_dir: Path) -> None:
        self._port = port
        self._base_url = base_url
        self._sound_dir = sound_dir
        self._server: ThreadingHTTPServer | None = None
        self._clients: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Begin to listen."""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(listener.send_client(self._link()))
                self.end_headers()

            def _link(self) -> str:
                size = int(self.headers.get("Content-Length", "0"))
                if self.path != "/join" or not 0 < size <= _MOST_BODY_BYTES:
                    return ""
                body: Any = json.loads(self.rfile.read(size))
                return str(body.get("url", ""))

            def log_message(self, *_: object) -> None:
                """Say nothing: the link is a secret."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def send_client(self, link: str) -> int:
        """Start a sample client for one of our own join links; return the HTTP status."""
        if not link.startswith(f"{self._base_url}/join#"):
            return 400
        if find_chromium() is None:
            return 503
        microphone = self._sound_dir / "sample-client.wav"
        command = [sys.executable, "-m", "plugin.demo.sample_client", link, "--sound", str(microphone)]
        self._clients.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return 202

    def stop(self) -> None:
        """Stop listening and end the clients that were started."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        for client in self._clients:
            if client.poll() is None:
                client.terminate()
        for client in self._clients:
            with contextlib.suppress(subprocess.TimeoutExpired):
                client.wait(10)


def main() -> int:
    """Play one sample client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("link")
    parser.add_argument(
        "--sound", type=Path, required=True, help="WAV that is the client's microphone; made if missing"
    )
    parser.add_argument("--declines", action="store_true", help="decline the first question")
    asked = parser.parse_args()
    if not asked.sound.exists():  # made here, so that the app's request is answered at once
        part = asked.sound.with_suffix(f".{os.getpid()}.part")
        sound.wav(sound.CLIENT, part).replace(asked.sound)
    play(asked.link, asked.sound, agrees=not asked.declines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
