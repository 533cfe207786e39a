"""`chartside register URL`: register Chartside at an EHR, by itself where the EHR offers it, else with what to type."""

import argparse
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from plugin import environment, fetch, manifest, private_files, registration, terminal
from plugin.check import findings_of
from plugin.failures import Exit, Failure
from plugin.findings import show
from plugin.registration import AUTHS, Registered
from plugin.servers import Server, look

EXAMPLES = (
    "chartside register https://openemr.your.clinic/apis/default/fhir --base-url https://chartside.your.clinic \\",
    "    --ehrs-file /etc/chartside/ehrs.json --admin-user Person/9c3",
    "chartside register https://ehr.your.clinic/fhir --base-url https://chartside.your.clinic --manual",
    "chartside register https://ehr.your.clinic/fhir --base-url https://chartside.your.clinic \\",
    "    --ehrs-file /etc/chartside/ehrs.json --client-id 1234 --client-secret-file secret.txt    # after typing it in",
)
EHRS_FILE = Path("ehrs.json")
_LIST = "the list of EHRs, the secrets go beside it; default: CHARTSIDE_EHRS_FILE, else ehrs.json in this folder"
_ADMIN = "who sees /admin, like Practitioner/123 or Person/123: it stands on that person's page My profile and settings"
FHIR_USER = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
"""An EHR user as launches name them."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    words = "register Chartside at an EHR, and write its entry"
    parser: argparse.ArgumentParser = commands.add_parser("register", help=words, description=__doc__)
    parser.add_argument("url", metavar="URL", help="the FHIR base of the EHR")
    parser.add_argument("--base-url", required=True, help="Chartside's own https address (CHARTSIDE_BASE_URL)")
    parser.add_argument("--ehrs-file", type=Path, help=_LIST)
    parser.add_argument("--name", help="what clinicians call this EHR; default: its host")
    parser.add_argument("--auth", choices=("auto", *AUTHS), default="auto", help="how Chartside proves itself there")
    parser.add_argument("--contact", action="append", default=[], metavar="EMAIL", help="whom the EHR's people may ask")
    parser.add_argument("--admin-user", action="append", default=[], metavar="TYPE/ID", type=fhir_user, help=_ADMIN)
    parser.add_argument("--standalone", action="store_true", help="also for launches from Chartside's own page")
    parser.add_argument("--backend-services", action="store_true", help="also to file when a clinician's login is over")
    parser.add_argument("--initial-token-file", type=Path, metavar="FILE", help="the EHR's token for registering apps")
    parser.add_argument("--manual", action="store_true", help="register nothing; show what to type in at the EHR")
    parser.add_argument("--client-id", help="write the entry of an app that was registered by hand")
    parser.add_argument("--client-secret-file", type=Path, metavar="FILE", help="its secret")
    parser.add_argument("--replace", action="store_true", help="replace the entry of this EHR")
    environment.add_trust(parser)
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Register and write the entry; or write the entry of a registration by hand; or show what to type."""
    env = environment.read(asked.env_file)
    asked.ehrs_file = (asked.ehrs_file or Path(env.get("CHARTSIDE_EHRS_FILE") or EHRS_FILE)).resolve()
    with fetch.trusting(environment.authorities(env, asked.ca_file)):
        return _register(asked)


def _register(asked: argparse.Namespace) -> int:
    manifest.site_address(asked.base_url)
    server = look(fetch.address(asked.url))
    auth = registration.choose_auth(server, "private_key_jwt" if asked.backend_services else asked.auth)
    scope = registration.scope_of(server, is_standalone=asked.standalone, is_service=asked.backend_services)
    client = registration.metadata(server, asked.base_url, auth=auth, scope=scope, contacts=asked.contact)
    _refuse_problems(server, as_json=asked.json)
    if asked.client_id:
        private_files.probe(asked.ehrs_file.parent)
        made = _by_hand(asked, auth, scope)
        return _written(server, asked, made)
    where = registration.endpoint(server)
    if asked.manual or not where:
        return _show_values(server, asked, client, is_offered=bool(where))
    _refuse_second(asked.ehrs_file, server.url, is_replacing=asked.replace)
    token = _read(asked.initial_token_file) if asked.initial_token_file else ""
    # A client that the EHR made and whose secret then cannot be written would be lost.
    private_files.probe(asked.ehrs_file.parent)
    return _written(server, asked, registration.register(where, client, initial_token=token), wanted=scope)


def fhir_user(text: str) -> str:
    """Return an EHR user as launches name them, like Practitioner/123. Raises ValueError, as argparse wants it."""
    if not FHIR_USER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not TYPE/ID, like Practitioner/123 or Person/123")
    return text


def example_user(server: Server) -> str:
    """Return how an administrator is named there: OpenEMR's mostly have no NPI, and are no Practitioner then."""
    return "Person/..." if server.is_openemr else "Practitioner/..."


def _refuse_problems(server: Server, *, as_json: bool) -> None:
    problems = [each for each in findings_of(server) if each.mark == "problem"]
    if not problems:
        return
    if not as_json:
        show(problems)
    words = " ".join(each.found for each in problems)
    raise Failure(
        Exit.PROBLEM, "not_ready", f"The EHR is not ready for Chartside. {words}", "Mend that, then register."
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(Exit.USAGE, "no_file", f"{path} cannot be read.", "Name a file that you can read.") from error


def _refuse_second(path: Path, iss: str, *, is_replacing: bool) -> None:
    """Refuse before registering twice: the EHR would keep the first client too."""
    if not is_replacing and any(entry.get("iss") == iss for entry in private_files.read_list(path)):
        raise Failure(
            Exit.USAGE,
            "entry_exists",
            f"{path} has an entry for {iss} already.",
            "Use it; or remove the old app at the EHR and run this with --replace.",
        )


def _by_hand(asked: argparse.Namespace, auth: registration.Auth, scope: str) -> Registered:
    secret = _read(asked.client_secret_file) if asked.client_secret_file else ""
    if auth.startswith("client_secret") != bool(secret):
        todo = (
            "Give --client-secret-file with client_secret_basic and client_secret_post; leave it out with --auth none"
        )
        raise Failure(Exit.USAGE, "secret", f"--auth {auth} does not fit.", f"{todo} or private_key_jwt.")
    _refuse_second(asked.ehrs_file, fetch.address(asked.url), is_replacing=asked.replace)
    return Registered(
        client_id=asked.client_id,
        client_secret=secret,
        auth=auth,
        scope=scope,
        expires_at=0,
        management_url="",
        management_token="",
    )


def file_name(url: str) -> str:
    """Return how an EHR's files begin: host, port and path, since one host may serve several EHRs."""
    parts = urlsplit(url)
    return re.sub(r"[^A-Za-z0-9.]+", "-", parts.netloc + parts.path).strip("-")


def default_name(url: str, others: Iterable[dict[str, Any]]) -> str:
    """Return what an EHR is called where nobody says it: its host; with its path where another has that name."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    return f"{host}{parts.path}" if any(each.get("name") == host for each in others) else host


def _written(server: Server, asked: argparse.Namespace, made: Registered, wanted: str = "") -> int:
    """Write secret, registration and entry, and tell what comes next."""
    folder, name = asked.ehrs_file.parent, file_name(server.url)
    others = [each for each in private_files.read_list(asked.ehrs_file) if each.get("iss") != server.url]
    entry: dict[str, Any] = {
        "iss": server.url,
        "name": asked.name or default_name(server.url, others),
        "client_id": made.client_id,
        "auth": made.auth,
        "expected_issuer": server.issuer,
        "admin_users": asked.admin_user,
        "frame_origins": [],
    }
    if made.auth == "private_key_jwt":
        entry["signing_algorithm"] = _algorithm(server)
    if asked.backend_services:
        entry["backend_services"] = True
    if made.client_secret:
        entry["client_secret_file"] = str(folder / f"{name}.client-secret")
        private_files.write(Path(entry["client_secret_file"]), made.client_secret)
    if made.management_url and made.management_token:
        entry["registration_file"] = str(folder / f"{name}.registration.json")
        management = {"url": made.management_url, "token": made.management_token}
        private_files.write(Path(entry["registration_file"]), json.dumps(management))
    private_files.write(asked.ehrs_file, json.dumps([*others, entry], indent=2) + "\n")
    missing = sorted(set(wanted.split()) - set(made.scope.split()) - {"api:fhir", "api:oemr"})
    steps = _next_steps(server, asked, made, missing)
    if asked.json:
        terminal.write_json(
            {"exit": 0, "entry": entry, "file": str(asked.ehrs_file), "missing": missing, "next": steps}
        )
    else:
        terminal.heading(f"Chartside is registered at {server.url} as {made.client_id}.")
        terminal.say(f"The entry is in {asked.ehrs_file}{_beside(entry)}.")
        _number(steps)
    return Exit.OK


def _beside(entry: Mapping[str, Any]) -> str:
    """Return where else something was written, to go on with a sentence."""
    secret, kept = entry.get("client_secret_file"), entry.get("registration_file")
    told = [f"the secret in {secret}"] if secret else []
    told += [f"the EHR's token to change or end the registration in {kept}"] if kept else []
    return "".join(f", {each}" for each in told)


def _algorithm(server: Server) -> str:
    listed = server.listed("token_endpoint_auth_signing_alg_values_supported")
    return "ES384" if "ES384" in listed and "RS384" not in listed else "RS384"


def _next_steps(server: Server, asked: argparse.Namespace, made: Registered, missing: list[str]) -> list[str]:
    steps = []
    if server.is_openemr:
        steps.append(
            f"In OpenEMR: Admin > System > API Clients, open the client {made.client_id[:16]}..., click Enable. OpenEMR"
            " keeps every new app with user scopes disabled until an administrator does so."
        )
    if missing:
        steps.append(f"The EHR did not register {' '.join(missing)}; see what that costs with `chartside check`.")
    if made.expires_at:
        until = datetime.fromtimestamp(made.expires_at, UTC)
        steps.append(f"The secret ends on {until:%Y-%m-%d}: register again before that day.")
    if not asked.admin_user:
        steps.append(
            'Name an administrator in the entry, as their page "My profile and settings" shows them after a launch:'
            f' "admin_users": ["{example_user(server)}"].'
        )
    if asked.ca_file:
        steps.append(
            f"Set CHARTSIDE_CA_FILE={asked.ca_file.resolve()}: Chartside itself must trust that authority too."
        )
    steps.append(f"Set CHARTSIDE_EHRS_FILE={asked.ehrs_file} and restart Chartside.")
    steps.append(
        "Run `sudo -u chartside chartside doctor --env-file /etc/chartside/chartside.env`: it tells whether the EHR"
        " accepts the registration."
    )
    return steps


def _show_values(server: Server, asked: argparse.Namespace, client: dict[str, Any], *, is_offered: bool) -> int:
    values = {name: " ".join(each) if isinstance(each, list) else str(each) for name, each in client.items()}
    then = _second_command(server, asked, auth=client["token_endpoint_auth_method"])
    if asked.json:
        terminal.write_json({"exit": 0, "is_offered": is_offered, "client": client, "then": then})
        return Exit.OK
    why = "" if is_offered else " It offers no registration by itself."
    terminal.heading(f"Type this in where {server.url} registers apps.{why}")
    terminal.table(("field", "value"), values.items())
    terminal.heading("Scopes, one by one")
    reasons = {each["scope"]: each["reason"] for each in manifest.load()["scopes"]}
    terminal.table(("scope", "why"), [(word, reasons.get(word, "")) for word in client["scope"].split()])
    _number(["Take down the client id and the secret that the EHR shows.", then])
    return Exit.OK


def _second_command(server: Server, asked: argparse.Namespace, *, auth: str) -> str:
    """Return the command that writes the entry, with everything that this one was told."""
    words = ["chartside", "register", server.url, "--base-url", asked.base_url, "--ehrs-file", str(asked.ehrs_file)]
    words += ["--auth", auth]
    words += ["--name", asked.name] if asked.name else []
    words += ["--ca-file", str(asked.ca_file)] if asked.ca_file else []
    for user in asked.admin_user:
        words += ["--admin-user", user]
    for name in ("standalone", "backend_services", "replace"):
        words += [f"--{name.replace('_', '-')}"] if getattr(asked, name) else []
    words += ["--client-id", "ID"]
    words += ["--client-secret-file", "FILE"] if auth.startswith("client_secret") else []
    return shlex.join(words)


def _number(steps: list[str]) -> None:
    terminal.heading("Next")
    for number, step in enumerate(steps, start=1):
        terminal.say(f"{number}. {step}")
