"""`chartside client-export` and `client-erase`: everything held on one client, and what an erasure request erases."""

import argparse
from pathlib import Path
from typing import Any

from plugin import app_process, environment, terminal
from plugin.failures import Exit, Failure

EXPORT_EXAMPLES = (
    "chartside client-export 17 --to /srv/for-the-client --env-file /etc/chartside/chartside.env",
    "chartside client-export 17 --ehr https://ehr.your.clinic/fhir --to .",
)
ERASE_EXAMPLES = (
    "chartside client-erase 17 --env-file /etc/chartside/chartside.env",
    "chartside client-erase 17 --confirm 3f9a0c12d4be",
)
TIMEOUT_S = 600.0
_GOES = {
    "recordings": "recordings whose sound is still there",
    "transcripts": "transcripts",
    "summaries": "drafted summaries that no signed note holds",
    "drafts": "draft notes with AI-drafted text",
    "agreements": "agreements to record in sessions that go on now",
    "settings": "sessions with the place of the day, contacts, medication or problem names",
    "launches": "signed-in browsers of clinicians with such a copy",
}
_KEPT = {
    "answers": "answers to the question of recording: they prove consent; six years at least",
    "receipts": "receipts of erasures, and the audit trail: they prove what was erased; six years at least",
    "notes": "signed notes: part of the health record, by the EHR's rules",
    "own_drafts": "draft notes: the clinicians' own words in them",
}


def add_export(commands: Any) -> argparse.ArgumentParser:
    """Add the command that hands a client's record out."""
    words = "write everything held on one client: as FHIR, and as a page to read"
    parser: argparse.ArgumentParser = commands.add_parser("client-export", help=words, description=words.capitalize())
    _add_client(parser)
    parser.add_argument("--to", type=Path, metavar="FOLDER", required=True, help="where to write the two files")
    parser.set_defaults(run=export)
    return parser


def add_erase(commands: Any) -> argparse.ArgumentParser:
    """Add the command of an erasure request."""
    words = "say what an erasure request of one client erases and keeps; erase it once that is confirmed"
    parser: argparse.ArgumentParser = commands.add_parser("client-erase", help=words, description=words.capitalize())
    _add_client(parser)
    parser.add_argument("--confirm", metavar="CODE", default="", help="the code that the first run told: erase it now")
    parser.set_defaults(run=erase)
    return parser


def _add_client(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("patient", metavar="PATIENT", help="the EHR's id of the patient")
    words = "the patient's EHR (its FHIR base), where two have a patient of this id"
    parser.add_argument("--ehr", metavar="ISS", default="", help=words)
    environment.add_option(parser)


def _ask(asked: argparse.Namespace, what: str, **more: str) -> dict[str, Any]:
    """Ask the app, which alone opens the database. Whose record it is goes by standard input, not by a command line."""
    env = environment.read(asked.env_file)
    environment.be_the_owner(env)
    said = {"patient": asked.patient, "iss": asked.ehr, **more}
    return app_process.ask(["client", what], said=said, environment=env, timeout_s=TIMEOUT_S)


def export(asked: argparse.Namespace) -> int:
    """Write both files."""
    found = _ask(asked, "export", to=str(asked.to.absolute()))
    if asked.json:
        terminal.write_json({"exit": 0, **found})
        return Exit.OK
    terminal.say(f"{found['rows']} FHIR resources written to {found['fhir']}.")
    terminal.say(f"The same to read and print: {found['page']}.")
    terminal.say("Both are health records, without sound, transcript and drafts. Give them to the client.")
    return Exit.OK


def erase(asked: argparse.Namespace) -> int:
    """Show what would go and stay; with the code of exactly that, erase it."""
    if not asked.confirm:
        return _planned(asked, _ask(asked, "plan"))
    found = _ask(asked, "erase", code=asked.confirm)
    if found["unfinished"]:
        raise Failure(
            Exit.PROBLEM,
            "unfinished",
            f"{found['unfinished']} sessions could not be erased to the end.",
            "What was begun goes on with the next sweep. Run the command without --confirm then, to look again.",
        )
    if asked.json:
        terminal.write_json({"exit": 0, **found})
    elif not any(found["erased"].values()):
        terminal.say("Nothing was left to erase.")
    else:
        terminal.say("It is erased, and nothing can bring it back.")
        for id_ in found["receipts"]:
            terminal.say(f"Receipt {id_}")
    return Exit.OK


def _planned(asked: argparse.Namespace, found: dict[str, Any]) -> int:
    if asked.json:
        terminal.write_json({"exit": 0, **found})
        return Exit.OK
    terminal.heading("What goes")
    terminal.table(("", ""), [(str(found["goes"][name]), words) for name, words in _GOES.items()])
    terminal.heading("What stays")
    terminal.table(("", ""), [(str(found["kept"][name]), words) for name, words in _KEPT.items()])
    if not any(found["goes"].values()):
        terminal.say("Nothing is left to erase.")
        return Exit.OK
    if found["live"]:
        terminal.say(f"{found['live']} of the sessions goes on now: its recording stops at once, the call goes on.")
    terminal.say(f"To erase exactly this: chartside client-erase {asked.patient} --confirm {found['code']}")
    return Exit.OK
