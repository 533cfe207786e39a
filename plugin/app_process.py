"""What the command asks the installed app: its own process answers in JSON; the two share no code."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from plugin.failures import Exit, Failure

TIMEOUT_S = 120.0


def app_command(*arguments: str) -> list[str]:
    """Return the app's own command line; -P: a `smart_app` or `token.py` in the folder one stands in is never run."""
    return [sys.executable, "-P", "-m", "smart_app", *arguments]


def ask(
    command: Sequence[str],
    *,
    said: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Return the JSON object that `python -m smart_app ...` answers; `said` goes to its standard input.

    Raises Failure with the app's own words when it refuses its settings, or when it breaks.
    """
    try:
        done = subprocess.run(
            app_command(*command),
            input=json.dumps(said or {}),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=dict(os.environ if environment is None else environment),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _broken(f"It took more than {timeout_s:.0f} seconds.") from error
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if isinstance(found, dict) and (refused := found.get("refused")):
        raise refusal(refused)
    if done.returncode or not isinstance(found, dict):
        raise _broken((done.stderr.strip().splitlines() or ["It said nothing."])[-1])
    return found


def refusal(told: Mapping[str, str]) -> Failure:
    """Return the app's refusal (`code`, `public`, `todo`) as the command tells it."""
    code = "settings" if told["code"] == "config" else told["code"]
    return Failure(Exit.USAGE, code, told["public"], told["todo"] or "docs/admin.md lists every setting.")


def _broken(why: str) -> Failure:
    return Failure(
        Exit.PROBLEM,
        "app_failed",
        f"Chartside's own process failed: {why}",
        "Run the same command as the user that runs Chartside, with its environment.",
    )
