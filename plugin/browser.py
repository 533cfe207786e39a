"""Find a Chromium, and install Debian's when there is none and apt is there."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
HOW_TO_INSTALL = (
    "No Chromium was found. Install one (Debian: apt install chromium; macOS: brew install --cask chromium), "
    "or set CHARTSIDE_CHROMIUM to its path, then run this again."
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
"""How tests and the sample client start it: no phone calls home, a fake camera and microphone."""


def find_chromium() -> str | None:
    """Return the path of a Chromium, by CHARTSIDE_CHROMIUM or the usual names."""
    named = os.environ.get("CHARTSIDE_CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (_MAC if Path(_MAC).exists() else None)


def install_chromium() -> str | None:
    """Install Debian's Chromium by apt, if we may; return its path."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return None
    print("Installing Debian's Chromium (once) ...", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        if subprocess.run(["apt-get", *command], env=env, stdout=subprocess.DEVNULL, timeout=900).returncode:
            return None
    return find_chromium()


def main() -> int:
    """Run `python -m plugin.browser [--install]`: say where the browser is, or how to get one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install Debian's Chromium when none is found")
    chosen = parser.parse_args()
    path = find_chromium() or (install_chromium() if chosen.install else None)
    if path is None:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
