"""The app's own processes: `python -m smart_app serve | worker | sweep | transcribe | draft`.

`keys`, `scopes`, `inspect`, `close`, `fhir-client`, `audit` and `client` answer in JSON: what `chartside` asks the app.
A refusal is `{"refused": {code, public, todo}}` with status 2.
"""

import argparse
import gc
import json
import os
import signal
import sys
import threading
from typing import Any

from smart_app import alive, config
from smart_app.errors import ChartsideError, ConfigError
from smart_app.undumped import forbid_dumps

EXIT_REFUSED = 2
_INTERRUPTED = 130
_RUN = {
    "serve": "Serve the web app on 127.0.0.1, for a TLS proxy in front, until SIGTERM. The settings come from the"
    " environment: docs/admin.md lists them.",
    "worker": "Work on what sessions and charts are owed (recognising, drafting, filing, erasing), until SIGTERM."
    " Start as many as you like.",
    "sweep": "Erase what is due, once: for cron, so that erasing does not hang on a worker alone.",
}
_ANSWERED = ("keys", "inspect", "close", "fhir-client", "audit", "client")
_THREADS = 4
"""In each web process. More only take the interpreter's lock from one another: with eight threads in one process a
chunk's six short queries waited for it six times, and fifty sessions could not be served."""


def _end_with_stdin() -> None:
    """Ask this process to end when whoever started it is gone."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def serve(settings: config.Settings, port: int) -> int:
    """Serve the web app on loopback (a TLS proxy stands in front in a clinic): a few processes with threads.

    Raises ConfigError for another master key than the database's, before a process is forked.
    """
    from gunicorn.app.base import BaseApplication

    from smart_app import create_app, kit, wiring  # noqa: F401 - read before the fork: the processes share the code
    from smart_app.logs import gunicorn_logger, quiet_logs

    quiet_logs()

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": f"127.0.0.1:{port}",
                "worker_class": "gthread",
                "workers": settings.web_processes,
                "threads": _THREADS,
                "graceful_timeout": 5,
                "timeout": 120,
                "keepalive": 30,
                "accesslog": None,
                "loglevel": "warning",
                "logger_class": gunicorn_logger(),
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            # Made in the serving process: database connections and threads do not survive a fork.
            app = create_app(settings)
            gc.freeze()  # what lives as long as the process need not be looked at by each collection
            return app

    kit.open_database(settings)[0].close()
    with alive.held(settings.data_dir, alive.WEB):
        Server().run()
    return 0


def work(settings: config.Settings) -> int:
    """Work on what sessions and charts are owed, until SIGTERM or SIGINT."""
    from smart_app import kit
    from smart_app.jobs.memory import share_one_heap
    from smart_app.jobs.takeover import at_work
    from smart_app.logs import quiet_logs

    quiet_logs()
    share_one_heap()
    made = kit.make(settings)
    with at_work(settings, made.db):
        made.jobs.work()
    return 0


def sweep(settings: config.Settings) -> int:
    """Erase what is due, once."""
    from smart_app import kit
    from smart_app.logs import quiet_logs

    quiet_logs()
    made = kit.make(settings)
    made.steps.sweep()
    print(f"Swept at {made.clock.now():%Y-%m-%d %H:%M:%S} UTC.")  # noqa: T201 - the command's answer
    return 0


def _tell(answer: dict[str, Any]) -> int:
    """Write the answer of a command that `chartside` asks."""
    print(json.dumps(answer))  # noqa: T201 - the command's answer
    return 0


def _on_files(command: str, arguments: list[str]) -> int:
    if command == "transcribe":
        from smart_app.jobs.memory import share_one_heap

        share_one_heap()
        from smart_app.transcript.files import main as run
    else:
        from smart_app.draft.files import main as run
    try:
        status = run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has read enough; what Python still holds back goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chartside", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in _RUN.items():
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
        if name == "serve":
            command.add_argument("--port", type=int, default=8080, help="where to listen on 127.0.0.1 (default 8080)")
    keys_command = commands.add_parser("keys", help="the keys that prove Chartside at the EHRs")
    keys_command.add_argument("what", choices=("list", "rotate", "rotate-master"))
    keys_command.add_argument("--leaked", action="store_true", help="destroy the old keys at once")
    commands.add_parser("inspect", help="how this installation stands")
    close_command = commands.add_parser("close", help="end this installation")
    close_command.add_argument("--plan", action="store_true", help="only say what that would end")
    close_command.add_argument("--keep-to", default="", help="folder for what must be kept")
    client_command = commands.add_parser("fhir-client", help="who may read the FHIR face; details on standard input")
    client_command.add_argument("what", choices=("add", "list", "revoke"))
    record_command = commands.add_parser("client", help="one client's record; whose it is on standard input")
    record_command.add_argument("what", choices=("export", "plan", "erase"))
    audit_command = commands.add_parser("audit", help="the audit trail")
    audit_command.add_argument("what", choices=("verify", "export", "archive"))
    for name in ("patient", "clinician", "kind", "since", "until", "to"):
        audit_command.add_argument(f"--{name}", default="")
    return parser


def _run(asked: argparse.Namespace) -> int:
    """Run a process of the app. Raises ConfigError for settings with which it must not start."""
    forbid_dumps()
    settings = config.load()
    for name, nearest in settings.unknown:
        meant = f" Did you mean {nearest}?" if nearest else ""
        print(f"Warning: {name} is no setting of Chartside's and has no effect.{meant}", file=sys.stderr)  # noqa: T201
    if asked.stop_with_stdin:
        _end_with_stdin()
    if asked.command == "serve":
        return serve(settings, asked.port)
    return work(settings) if asked.command == "worker" else sweep(settings)


def _refused(error: ChartsideError) -> int:
    print(f"{error.public} {error.todo}", file=sys.stderr)  # noqa: T201 - the reason why it does not start
    return EXIT_REFUSED


def _answer(asked: argparse.Namespace) -> int:
    """Answer what `chartside` asks, with the reason where it is refused."""
    from smart_app import admin

    try:
        return _tell(admin.answer(asked, config.load()))
    except ChartsideError as error:
        _tell({"refused": {"code": error.code, "public": error.public, "todo": error.todo}})
        return _refused(error)


def main() -> int:
    """Run one process; return its exit status."""
    if len(sys.argv) > 1 and sys.argv[1] in {"transcribe", "draft"}:
        return _on_files(sys.argv[1], sys.argv[2:])
    if sys.argv[1:] == ["scopes"]:
        from smart_app import admin

        return _tell(admin.plan(json.load(sys.stdin)))
    asked = _parser().parse_args()
    if asked.command == "worker":
        from smart_app.jobs.memory import begin_again_wiping

        begin_again_wiping()
    if asked.command in _ANSWERED:
        return _answer(asked)
    try:
        return _run(asked)
    except ConfigError as error:
        return _refused(error)


if __name__ == "__main__":
    os.umask(0o077)  # what a process of the app writes is for its own user
    sys.exit(main())
