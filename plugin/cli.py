"""Chartside: an AI session assistant inside the EHR. Try it with `chartside demo`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from plugin import (
    audit,
    check,
    client_record,
    doctor,
    fhir_client,
    keys,
    manifest_command,
    register,
    terminal,
    uninstall,
    verify,
)
from plugin.app_process import app_command
from plugin.demo import command as demo
from plugin.failures import MEANINGS, Exit, Failure

APP_COMMANDS = {
    "serve": "start the web process",
    "worker": "start a worker",
    "sweep": "erase what is due, once (for cron)",
    "transcribe": "turn a recording into a transcript",
    "draft": "turn a transcript into a summary",
}
COMMANDS: tuple[tuple[Callable[[Any], argparse.ArgumentParser], Sequence[str]], ...] = (
    (check.add, check.EXAMPLES),
    (register.add, register.EXAMPLES),
    (doctor.add, doctor.EXAMPLES),
    (manifest_command.add, manifest_command.EXAMPLES),
    (keys.add, keys.EXAMPLES),
    (fhir_client.add, fhir_client.EXAMPLES),
    (verify.add, verify.EXAMPLES),
    (audit.add, audit.EXAMPLES),
    (client_record.add_export, client_record.EXPORT_EXAMPLES),
    (client_record.add_erase, client_record.ERASE_EXAMPLES),
    (uninstall.add, uninstall.EXAMPLES),
    (demo.add, demo.EXAMPLES),
    (demo.add_token, demo.TOKEN_EXAMPLES),
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with every command; each has --json and an example in its help."""
    codes = "\n".join(f"  {int(code):>3}  {words}" for code, words in MEANINGS.items())
    parser = argparse.ArgumentParser(
        prog="chartside",
        description=__doc__,
        epilog=f"exit status:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chartside {version('chartside')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add, examples in COMMANDS:
        command = add(commands)
        command.add_argument("--json", action="store_true", help="answer in JSON, for scripts")
        command.epilog = "\n".join(["example:", *(f"  {example}" for example in examples)])
        command.formatter_class = argparse.RawDescriptionHelpFormatter
    for name, words in APP_COMMANDS.items():
        commands.add_parser(name, help=words, add_help=False)
    return parser


def main() -> int:
    """Run the command line; return the exit status."""
    if len(sys.argv) > 1 and sys.argv[1] in APP_COMMANDS:
        # In place of this process: whoever ends `chartside worker` by its process id ends the worker.
        command = app_command(*sys.argv[1:])
        os.execv(command[0], command)
    parser = make_parser()
    if len(sys.argv) == 1:
        parser.print_help()
        return Exit.USAGE
    asked = parser.parse_args()
    try:
        return int(asked.run(asked))
    except Failure as failure:
        if failure.code == "settings" and getattr(asked, "env_file", True) is None:
            # An administrator's shell seldom has the service's settings: most likely that is all that is wrong.
            way = "Name the service's settings: --env-file /etc/chartside/chartside.env, as its user."
            failure.todo = f"{way} Or set it in this shell. {failure.todo}"
        return terminal.fail(failure, as_json=asked.json)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
