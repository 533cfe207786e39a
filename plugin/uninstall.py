"""`chartside uninstall`: a clean end: sound first, the charts told, what must be kept exported, the rest erased."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plugin import app_process, environment, fetch, private_files, registration, terminal
from plugin.failures import Exit, Failure

EXAMPLES = (
    "sudo -u chartside chartside uninstall --env-file /etc/chartside/chartside.env",
    "chartside uninstall --env-file /etc/chartside/chartside.env --keep-to /srv/chartside-kept --yes --json",
)
_CLOSE_S = 600.0
_OURS = ("chartside.sqlite", "queue.sqlite", "keys", "audio")
"""What a data folder of Chartside's holds; another folder is never removed."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "end an installation cleanly"
    parser: argparse.ArgumentParser = commands.add_parser("uninstall", help=words, description=__doc__)
    environment.add_option(parser)
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--keep-to", type=Path, metavar="FOLDER", help="where consents, receipts and audit trail are exported to"
    )
    kept.add_argument("--keep-nothing", action="store_true", help="export nothing; the law may forbid that")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Show what will end, ask, and end it."""
    env = environment.read(asked.env_file)
    environment.be_the_owner(env)
    data_dir = _data_dir(env)
    if asked.json and not asked.yes:
        raise _nobody("With --json there is nobody to ask.", "Run it in a terminal without --json")
    authorities = environment.authorities(env)
    with fetch.trusting(authorities):
        _refuse_answering(env)
    plan = app_process.ask(["close", "--plan"], environment=env)
    if plan["running"]:
        raise _still_running(f"Chartside still runs on this machine ({' and '.join(plan['running'])}).")
    keep_to = None if asked.keep_nothing else (asked.keep_to or _default_keep(data_dir)).resolve()
    _refuse_inside(keep_to, data_dir)
    if not asked.yes:
        _ask(plan, data_dir, keep_to)
    if keep_to:
        _make(keep_to)
    options = ["--keep-to", str(keep_to)] if keep_to else []
    closed = app_process.ask(["close", *options], environment=env, timeout_s=_CLOSE_S)
    if not closed["is_closed"]:
        sentence = f"{closed['recordings_with_sound']} recordings could not be erased; nothing else was removed."
        raise Failure(Exit.PROBLEM, "not_erased", sentence, "Look at the log, mend it, and run this again.")
    with fetch.trusting(authorities):
        revoked, left = revoke_all(env)
    left += _remove(data_dir) + _left(env, data_dir)
    if asked.json:
        kept = str(keep_to) if keep_to else ""
        terminal.write_json({"exit": 0, "ended": plan, "kept_in": kept, "revoked": revoked, "left": left})
        return Exit.OK
    _show_end(plan, keep_to, closed, revoked, left)
    return Exit.OK


def _remove(folder: Path) -> list[str]:
    """Remove the folder; return what is left for a person, whom the system lets remove more than this user."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return []
    files = [str(path) for path in folder.rglob("*") if not path.is_dir()]
    if files:
        return [f"These files could not be removed, remove them yourself: {', '.join(files)}"]
    return [
        f"The folder {folder} is empty; remove it (it, or one in it, is a mount, or lies in another user's folder)."
    ]


def _data_dir(env: Mapping[str, str]) -> Path:
    """Return the data folder. Raises Failure unless it is plainly one of Chartside's."""
    text = env.get("CHARTSIDE_DATA_DIR", "")
    folder = Path(text).resolve()
    if not text or not folder.is_dir() or not any((folder / name).exists() for name in _OURS):
        raise Failure(
            Exit.USAGE,
            "no_installation",
            "CHARTSIDE_DATA_DIR names no data folder of Chartside's.",
            "Give the service's environment with --env-file. Nothing was removed.",
        )
    return folder


def _default_keep(data_dir: Path) -> Path:
    return data_dir.with_name(f"chartside-kept-{datetime.now(UTC):%Y%m%d}")


def _refuse_inside(keep_to: Path | None, data_dir: Path) -> None:
    if keep_to is not None and (keep_to == data_dir or data_dir in keep_to.parents):
        todo = "Name a folder elsewhere with --keep-to."
        raise Failure(Exit.USAGE, "keep_inside", f"{keep_to} would be removed with the data folder.", todo)


def _make(folder: Path) -> None:
    """Make the folder before anything is destroyed. Raises Failure where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        is_writable = False
    if not is_writable:
        todo = f"As root: install -d -o chartside -m 700 {folder}. Or name another folder with --keep-to."
        raise Failure(Exit.USAGE, "cannot_write", f"{folder} cannot be written. Nothing was removed.", todo)


def _nobody(sentence: str, todo: str) -> Failure:
    return Failure(Exit.USAGE, "not_asked", sentence, f"{todo}, or add --yes.")


def _still_running(sentence: str) -> Failure:
    todo = (
        "Stop it first: systemctl stop chartside-web chartside-worker. A worker on another machine counts as running"
        " until 15 seconds after its end."
    )
    return Failure(Exit.PROBLEM, "still_running", sentence, todo)


def _refuse_answering(env: Mapping[str, str]) -> None:
    """Refuse while the web process answers, wherever it runs: it would take recordings in the middle of it."""
    base = env.get("CHARTSIDE_BASE_URL", "").rstrip("/")
    try:
        is_alive = (fetch.get(f"{base}/healthz").object() or {}).get("status") == "ok"
    except Failure:
        return
    if is_alive:
        raise _still_running(f"Chartside still runs at {base}.")


def _ask(plan: Mapping[str, Any], data_dir: Path, keep_to: Path | None) -> None:
    """Tell what ends and what stays, and go on only after a typed word."""
    terminal.heading("This will be destroyed, and nobody can bring it back")
    rows = [
        ("recordings that still have their sound", str(plan["recordings_with_sound"])),
        ("transcripts", str(plan["transcripts"])),
        ("notes that nobody signed", str(plan["draft_notes"])),
        ("filings that did not reach a chart (a last try is made)", str(plan["owed_filings"])),
        ("the data folder", str(data_dir)),
        ("the registration, where the EHR lets Chartside end it", ""),
    ]
    if not plan["is_own_database"]:
        rows.append(("Chartside's tables in the database server", ""))
    terminal.table(("what", "how many, where"), rows)
    terminal.heading("This is kept")
    kept = [
        ("what was filed in the charts", "the EHR"),
        (
            f"{plan['consents']} consents, {plan['receipts']} receipts, {plan['audit_lines']} audit lines",
            str(keep_to or "NOT KEPT"),
        ),
        (f"{plan['signed_notes_not_in_chart']} signed notes that no chart holds", str(keep_to or "NOT KEPT")),
    ]
    terminal.table(("what", "where"), kept)
    if not sys.stdin.isatty():
        raise _nobody("There is nobody to ask: an answer is taken from a terminal only.", "Run it in a terminal")
    if input("Type uninstall to go on: ").strip() != "uninstall":
        raise Failure(Exit.INTERRUPTED, "stopped", "Nothing was removed.", "Run it again when you are ready.")


def revoke_all(env: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """End the registrations; return the EHRs where that worked, and what to do by hand at the others."""
    done, left = [], []
    path = env.get("CHARTSIDE_EHRS_FILE")
    for entry in private_files.read_list(Path(path)) if path else []:
        name = str(entry.get("iss", ""))
        if _is_revoked(entry.get("registration_file")):
            done.append(name)
        else:
            left.append(
                f"At {name}: delete the client {entry.get('client_id', '')}; OpenEMR: Admin > System > API Clients."
            )
    return done, left


def _is_revoked(file: Any) -> bool:
    try:
        kept = json.loads(Path(str(file)).read_text(encoding="utf-8")) if file else None
        return isinstance(kept, dict) and registration.revoke(str(kept["url"]), str(kept["token"]))
    except (OSError, ValueError, KeyError, Failure):
        return False  # the admin is told to do it by hand


def _left(env: Mapping[str, str], data_dir: Path) -> list[str]:
    """Return what stands outside the data folder and is the admin's to remove."""
    files = [env[f"{name}_FILE"] for name in environment.SECRETS if env.get(f"{name}_FILE")]
    files += [str(path) for path in environment.ehr_files(env)]
    left = [f"Delete the secrets: {' '.join(files)}"] if files else []
    left.append("OpenEMR with the module: Modules > Manage Modules > Chartside: Disable, then Unregister.")
    left.append("Remove the systemd units, the environment file, the proxy's site and the virtual environment.")
    left.append(f"Backups of {data_dir} hold notes and consents; delete them when their time is over.")
    return left


def _show_end(
    plan: Mapping[str, Any], keep_to: Path | None, closed: Mapping[str, Any], revoked: list[str], left: list[str]
) -> None:
    terminal.heading("Chartside is uninstalled.")
    terminal.say(
        f"Sound of {plan['recordings_with_sound']} recordings destroyed, each with a receipt; all keys destroyed."
    )
    if closed["owed_filings"]:
        terminal.say(f"{closed['owed_filings']} filings did not reach a chart; the exported audit trail names them.")
    if keep_to:
        terminal.say(f"Kept in {keep_to}: consents, receipts, audit trail, {closed['notes_exported']} notes.")
    for iss in revoked:
        terminal.say(f"The registration at {iss} is ended.")
    terminal.heading("Left for you")
    for number, step in enumerate(left, start=1):
        terminal.say(f"{number}. {step}")
