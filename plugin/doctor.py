"""`chartside doctor`: a live diagnosis of an installation, run as its user on its machine."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plugin import app_process, environment, fetch, machine, terminal
from plugin.doctor_ehr import ehr_findings
from plugin.doctor_web import web_findings
from plugin.findings import Finding, note, ok, problem, show, sorted_by_weight, status_of, warning

EXAMPLES = (
    "sudo -u chartside chartside doctor --env-file /etc/chartside/chartside.env",
    "chartside doctor --json",
)
_WORKER = "worker"
WORKER_SILENT_S = 30.0
"""A worker says that it lives each second."""
_PARKED = {
    "needs_relaunch": "wait for their clinician to open Chartside from the chart again",
    "not_taken": "are kept in Chartside, because the EHR does not take them",
    "waits_for_another": "wait for something else to be filed first",
    "no_encounter": "wait for a launch from an encounter",
    "refused": "were refused by the EHR; the chart page tells why",
}
_NO_FAULT = {"not_taken", "waits_for_another"}


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "a live diagnosis of an installation"
    parser: argparse.ArgumentParser = commands.add_parser("doctor", help=words, description=__doc__)
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Look at everything that can be seen from here; 0, or 1 when something has to be mended."""
    env = environment.read(asked.env_file)
    environment.be_the_owner(env)
    facts = app_process.ask(["inspect"], environment=env)
    env_file = environment.check_private(asked.env_file, "The environment file") if asked.env_file else ()
    findings = sorted_by_weight([*env_file, *examine(facts, env)])
    status = status_of(findings)
    if asked.json:
        terminal.write_json({"exit": int(status), "findings": [asdict(each) for each in findings]})
        return status
    terminal.heading(f"Chartside at {facts['base_url']}")
    show(findings)
    problems = sum(each.mark == "problem" for each in findings)
    terminal.say(f"{problems} to mend." if problems else "Nothing to mend.")
    return status


def examine(facts: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is found: settings, files, machine, database, worker, erasure, web, EHRs."""
    yield ok("settings", "The settings can be used.")
    yield from _unknown(facts["unknown_settings"])
    yield from environment.check_secrets(env)
    yield from _disks(facts)
    yield from _database(facts)
    yield from _models(facts)
    ca_file = environment.authorities(env)
    yield from _web(facts, ca_file)
    yield from _same_names(facts["ehrs"])
    for ehr in facts["ehrs"]:
        with fetch.trusting(ca_file):
            found = list(ehr_findings(ehr, facts["base_url"]))
        yield from found
        yield from _not_asked(ehr, facts["state"])


def _web(facts: Mapping[str, Any], ca_file: Path | None) -> list[Finding]:
    """Look at the public address; its certificate may come from the public authorities or from the clinic's own."""
    found = list(web_findings(facts))
    if ca_file and any(each.code == "web" for each in found):
        with fetch.trusting(ca_file):
            return list(web_findings(facts))
    return found


def _not_asked(ehr: Mapping[str, Any], state: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Say so where the EHR was not asked for the registration: the answer would be missed, not seen to be missing."""
    if "token" in ehr or "fault" in ehr:
        return
    why = "Chartside has not been started yet" if state is None else "Chartside's database cannot be used, see above"
    found = f"{ehr['name']}: whether it accepts the registration was not asked, because {why}."
    yield note("client_not_asked", found, "Start Chartside, then run this again.")


def _unknown(names: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    for name, nearest in names:
        found = f"{name} is no setting of Chartside's and has no effect."
        todo = f"Did you mean {nearest}?" if nearest else "Take it out; docs/admin.md lists every setting."
        yield warning("unknown_setting", found, todo)


def _same_names(ehrs: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    for name, count in Counter(ehr["name"] for ehr in ehrs).items():
        if count > 1:
            found = f"{count} EHRs are called {name}; clinicians who choose one cannot tell them apart."
            yield warning("same_name", found, 'Give each entry a "name" of its own.')


def _disks(facts: Mapping[str, Any]) -> Iterator[Finding]:
    folder, key_file = Path(facts["data_dir"]), Path(facts["key_file"])
    if not folder.is_dir():
        yield problem("no_data_dir", f"{folder} is not there.", "Make it, or start Chartside once: it makes it.")
        return
    yield from environment.check_private(folder, "The data folder")
    if key_file.exists():
        yield from environment.check_private(key_file, "The audio keys")
    yield machine.disk(folder, int(facts["disk_reserve_bytes"]))
    yield machine.encryption(folder)
    yield from machine.key_volume(key_file, folder)
    yield from machine.key_file_system(key_file)
    yield machine.swap()
    yield from machine.core_dumps(folder, facts["running"])


def _database(facts: Mapping[str, Any]) -> Iterator[Finding]:
    state = facts["state"]
    if state is None:
        yield problem(
            "never_started", "There is no database yet.", "Start `chartside serve` and `chartside worker` once."
        )
        return
    if "fault" in state:
        found = f"The database does not open ({state['fault']})."
        yield problem("database", found, "Check CHARTSIDE_DATABASE_URL and the database's log.")
        return
    if state["revision"] != state["newest_revision"]:
        found = f"The database is at revision {state['revision']}, this version needs {state['newest_revision']}."
        yield problem(
            "migrations", found, "Restart `chartside serve` and `chartside worker`; they bring it up to date."
        )
        return
    yield ok("database", f"The database opens and is up to date ({state['revision']}).")
    if fault := facts["master_key"].get("fault"):
        yield problem(fault["code"], fault["public"], fault["todo"])
    yield _worker(state["worker_seen_at"], is_running=_WORKER in facts["running"], is_here=_is_here(facts))
    yield _erasure(state)
    yield from _outbox(state)
    yield from _refusals(state)


def _is_here(facts: Mapping[str, Any]) -> bool:
    """Say whether all workers are on this machine: on SQLite they must be."""
    return bool(facts["database"] == "sqlite")


def _worker(seen_at: str | None, *, is_running: bool, is_here: bool) -> Finding:
    todo = (
        "Start `chartside worker` (systemctl start chartside-worker); without it nothing is drafted, filed or erased."
    )
    if is_here and not is_running:
        return problem("worker", "No worker runs.", todo)
    if seen_at is None:
        return problem("worker", "No worker has been alive in the last two hours.", todo)
    silent_s = (datetime.now(UTC) - datetime.fromisoformat(seen_at)).total_seconds()
    if silent_s > WORKER_SILENT_S:
        return problem("worker", f"No worker has been heard of for {silent_s:.0f} seconds.", todo)
    return ok("worker", "A worker is alive.")


def _erasure(state: Mapping[str, Any]) -> Finding:
    if state["overdue"]:
        found = f"{state['overdue']} recordings or transcripts are past their deadline and not erased."
        return problem("retention", found, "Run `chartside sweep` now, and put it into cron; look at the worker's log.")
    oldest = state["oldest_unerased_at"]
    since = f"; the oldest that still has its sound is from {oldest[:16].replace('T', ' ')} UTC" if oldest else ""
    return ok("retention", f"Nothing is past its deadline{since}.")


def _outbox(state: Mapping[str, Any]) -> Iterator[Finding]:
    if state["owed"]:
        yield note("owed", f"{state['owed']} filings are on their way to the chart.")
    for code, count in sorted((state["parked"] or {}).items()):
        found = f"{count} filings {_PARKED.get(code, f'wait for a person ({code})')}."
        yield (
            note(f"parked_{code}", found)
            if code in _NO_FAULT
            else warning(f"parked_{code}", found, "The clinicians see each on its chart page, with what to do.")
        )


def _refusals(state: Mapping[str, Any]) -> Iterator[Finding]:
    for one in state["refused"]:
        found = (
            f"{one['iss']} refused {one['what']} ({one['status']}); Chartside takes another way until it tries again."
        )
        yield note("refused", found, "If it should work, look at the app's rights in the EHR.")


def _models(facts: Mapping[str, Any]) -> Iterator[Finding]:
    speech = facts["speech_model"]
    if "fault" in speech:
        yield problem("speech_model", speech["fault"]["public"], speech["fault"]["todo"])
    else:
        yield ok("speech_model", f"The speech model is in {speech['folder']}.")
    if facts["drafter"] == "openai":
        found = f"Transcripts are sent to {facts['drafter_url']} for drafting."
        yield note("outside_drafter", found, "Have the contract with who runs it.")
    if not facts["has_turn"]:
        todo = "If calls fail for some clients, set up coturn: docs/admin.md, The call's network."
        yield note("no_turn", "There is no TURN server; calls between strict networks may not connect.", todo)
