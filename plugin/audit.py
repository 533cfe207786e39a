"""`chartside audit`: is the audit trail whole, its lines as FHIR AuditEvents, old lines into an archive."""

import argparse
from pathlib import Path
from typing import Any

from plugin import app_process, environment, findings, terminal
from plugin.failures import Exit, Failure
from plugin.findings import Finding, ok

EXAMPLES = (
    "chartside audit verify --env-file /etc/chartside/chartside.env",
    "chartside audit export --to audit.ndjson --patient 17 --since 2026-01-01 --until 2026-03-31",
    "chartside audit export --to consents.ndjson --kind consent",
    "chartside audit archive --to /var/archive/chartside",
)
TIMEOUT_S = 3600.0
"""A trail of years has millions of lines."""
_FILTERS = {
    "patient": "only what was done to this client's record: the EHR's id of the patient",
    "clinician": "only what this person or program did, as the EHR names them: Practitioner/17",
    "kind": "only acts of this kind (consent, recording, note ...) or one act (consent.withdraw)",
    "since": "from this day on (UTC), as 2026-01-31",
    "until": "up to this day (UTC), which is included",
}


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "check the audit trail, export it as FHIR AuditEvents, archive old lines"
    parser: argparse.ArgumentParser = commands.add_parser("audit", help=words, description=__doc__)
    parser.add_argument("what", choices=("verify", "export", "archive"), help="what to do with the trail")
    words = "export: the file (NDJSON) to write; archive: the folder for lines older than CHARTSIDE_AUDIT_YEARS"
    parser.add_argument("--to", type=Path, metavar="PATH", help=words)
    for name, words in _FILTERS.items():
        parser.add_argument(f"--{name}", default="", help=f"export: {words}")
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Check, export or archive; the app does it, as it alone opens the database."""
    if asked.what != "verify" and asked.to is None:
        todo = "Add --to FILE for an export, --to FOLDER for an archive."
        raise Failure(Exit.USAGE, "no_place", "Nothing says where to write to.", todo)
    env = environment.read(asked.env_file)
    environment.be_the_owner(env)
    told = [f"--{name}={getattr(asked, name)}" for name in _FILTERS if getattr(asked, name)]
    if asked.to is not None:
        told.append(f"--to={asked.to.absolute()}")
    found = app_process.ask(["audit", asked.what, *told], environment=env, timeout_s=TIMEOUT_S)
    if asked.what == "verify":
        return _verified(asked, found)
    if asked.json:
        terminal.write_json({"exit": 0, **found})
    elif asked.what == "export":
        terminal.say(f"{_lines(found['lines'])} written to {found['file']}, as FHIR R4 AuditEvents.")
    elif not found["archived"]:
        terminal.say("No line is old enough to be archived.")
    else:
        terminal.say(f"{_lines(found['archived'])} moved to {found['file']}. Keep it: the trail begins there.")
    return Exit.OK


def _verified(asked: argparse.Namespace, found: dict[str, Any]) -> int:
    told = [Finding(**each) for each in found["findings"]]
    if found["is_whole"]:
        last = found["first"] + found["lines"] - 1
        place = f", {found['archived']} more are in archives" if found["archived"] else ""
        told.append(ok("whole", f"{_lines(found['lines'])} are one chain{place}. Line {last} has {found['head']}."))
    status = findings.status_of(told)
    if asked.json:
        terminal.write_json({"exit": int(status), **found})
        return status
    findings.show(findings.sorted_by_weight(told))
    if found["owed"]:
        terminal.say(f"{_lines(found['owed'])} wait until the trail can be written.")
    return status


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
