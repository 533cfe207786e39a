"""`chartside check URL`: what an EHR server takes and what Chartside will do there, before anything is installed."""

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args

from fhir_mappings import ways
from plugin import environment, fetch, terminal
from plugin.failures import Exit
from plugin.findings import Finding, note, problem, show, sorted_by_weight, status_of, warning
from plugin.servers import Server, look, openemr_site, origin

EXAMPLES = (
    "chartside check https://ehr.your.clinic/fhir",
    "chartside check https://openemr.your.clinic/apis/default/fhir --json",
)
CLOCKS_APART_S = 60.0
"""Tokens live by the clock; more than a minute apart, good ones begin to be refused."""
STEPS: dict[ways.Step, str] = {
    "opt_in": "the clinician's own switch",
    "consent": "consent",
    "recording": "recording",
    "draft": "note draft",
    "sign": "signed note",
    "amend": "addendum",
    "provenance": "where it comes from",
    "notice": "notice",
    "template": "template",
    "audit": "audit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepHere:
    """What Chartside does for one step at this server, and why not something better."""

    step: ways.Step
    way: str
    does: str
    why: str = ""


def steps_at(server: Server) -> tuple[StepHere, ...]:
    """Return each step's way at this server, in the order of a visit."""
    return tuple(_step(server, step) for step in get_args(ways.Step))


def _step(server: Server, step: ways.Step) -> StepHere:
    way = ways.choose(step, server.adapter, server.plan.takes)
    best = ways.ORDER[step][server.adapter][0]
    missing = [f"{name} {operation}" for name, operation in best.needs if not server.plan.takes(name, operation)]
    why = f"The server does not offer {' and '.join(missing)}." if way is not best and missing else ""
    return StepHere(step=step, way=way.name, does=way.words, why=why)


def findings_of(server: Server) -> tuple[Finding, ...]:
    """Return what an admin should know before installing, problems first."""
    found = (*_fhir(server), *_launch(server), *_safety(server), *_clock(server), *_openemr(server))
    return sorted_by_weight(found)


def _fhir(server: Server) -> Iterator[Finding]:
    if server.statement is None:
        yield note("statement_guarded", "It shows its CapabilityStatement after a login only.")
        return
    if not server.fhir_version.startswith("4."):
        stated = server.fhir_version or "none"
        todo = "Ask the vendor for the FHIR R4 base; it often stands beside the others."
        yield problem("not_r4", f"Its FHIR version is {stated}, not 4.0 (R4).", todo)
    servers = server.statement.get("rest")
    if not isinstance(servers, list) or not any(isinstance(one, dict) and one.get("resource") for one in servers):
        yield note("statement_empty", "Its CapabilityStatement lists no resources.")


def _launch(server: Server) -> Iterator[Finding]:
    if server.smart is None:
        found = "It has no SMART configuration (.well-known/smart-configuration)."
        todo = "Switch on SMART on FHIR at the EHR. Without it nobody can open Chartside from a chart."
        yield problem("no_smart", found, todo)
        return
    missing = [n for n in ("authorization_endpoint", "token_endpoint") if not server.smart_url(n)]
    if missing:
        found = f"Its SMART configuration names no {' and no '.join(missing)}."
        yield problem("no_endpoint", found, "Tell the EHR's vendor.")
    for resource in ("Patient", "Encounter"):
        if not server.plan.takes(resource, "read"):
            found = f"It offers apps no reading of {resource}, which each launch needs."
            yield problem("no_read", found, f"Let apps read {resource}.")
    if server.plan.capabilities and "launch-ehr" not in server.plan.capabilities:
        found = "It does not say that apps can be opened from a chart (launch-ehr)."
        todo = "Open Chartside from its own page, /launch/standalone, and pick the patient there."
        yield warning("no_ehr_launch", found, todo)
    if "offline_access" not in server.plan.scope.split():
        found = "It offers no offline_access: what is not filed when a login ends waits for the next launch."
        yield note("no_refresh", found)


def _safety(server: Server) -> Iterator[Finding]:
    if server.smart is None:
        return
    methods = server.smart.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        found = "It does not offer PKCE with S256; Chartside refuses such a login."
        yield problem("no_pkce", found, "Update the EHR.")
    if not server.issuer:
        found = "It names no issuer of its id_tokens."
        yield problem("no_issuer", found, "Tell the EHR's vendor.")
    if not server.keys:
        found = "It publishes no signing keys (jwks_uri), so logins cannot be proved."
        yield problem("no_keys", found, "Tell the EHR's vendor.")
    known = {origin(server.url), origin(server.issuer)}
    for name in ("authorization_endpoint", "token_endpoint"):
        url = server.smart_url(name)
        if url and origin(url) not in known:
            found = f"Its {name} is on another server, {origin(url)}; Chartside sends nothing there."
            todo = "Ask the vendor for the issuer of its id_tokens; it has to be on the same server as the login."
            yield problem("foreign_endpoint", found, todo)


def _clock(server: Server) -> Iterator[Finding]:
    if server.skew_s is not None and abs(server.skew_s) > CLOCKS_APART_S:
        way = "ahead of" if server.skew_s > 0 else "behind"
        found = f"Its clock is {abs(server.skew_s):.0f} s {way} this machine's."
        yield warning("clock", found, "Set both by NTP, or logins will be refused.")


def _openemr(server: Server) -> Iterator[Finding]:
    """Name OpenEMR's habits, as measured on 8.2.0-dev, and what Chartside does about each."""
    if not server.is_openemr:
        return
    if server.adapter == "openemr":
        todo = "Install it for Consent, Media, editable notes and the clinicians' own switch: plugin/openemr/README.md."
        yield note("openemr_no_module", "Chartside's OpenEMR module is not there; it works without, with less.", todo)
    if any(isinstance(each, list) for each in (server.smart or {}).get("scopes_supported") or ()):
        yield note("openemr_nested_scopes", "Its scopes are a list in a list; Chartside reads both forms.")
    stated = (server.smart or {}).get("issuer")
    if server.issuer and stated != server.issuer:
        found = f"It states {stated} as issuer, but its id_tokens say {server.issuer}; the entry pins the latter."
        yield note("openemr_two_issuers", found)
    if server.keys and not any(key.get("kid") for key in server.keys):
        yield note("openemr_no_kid", "Its keys have no kid; Chartside tries each of the right kind.")
    if not server.smart_url("registration_endpoint") and openemr_site(server.url):
        yield note("openemr_hidden_registration", "It lists no registration address; chartside register knows it.")
    if _claims_note_create(server):
        found = "Its CapabilityStatement promises that notes can be created; that is another operation ($docref)."
        yield note("openemr_false_create", found, "Chartside does not rely on it.")
    yield note(
        "openemr_disabled",
        "A newly registered app is disabled.",
        "Enable it under Admin > System > API Clients; chartside doctor tells when it is.",
    )
    yield note(
        "openemr_frame",
        "It opens apps in a frame that gets no microphone; Chartside's page there opens a window of its own.",
    )
    yield note(
        "openemr_acl",
        "Its group Clinicians may not read encounters through the standard API.",
        "Allow the ACL encounters/auth_a to that group, so that documents are tied to their encounter.",
    )
    if server.adapter == "openemr":
        found = "Documents cannot be changed or deleted there: drafts stay in Chartside until they are signed."
        yield note("openemr_final", found)


def _claims_note_create(server: Server) -> bool:
    for rest in (server.statement or {}).get("rest") or ():
        for entry in rest.get("resource") or () if isinstance(rest, dict) else ():
            if isinstance(entry, dict) and entry.get("type") == "DocumentReference":
                codes = [each.get("code") for each in entry.get("interaction") or () if isinstance(each, dict)]
                return "create" in codes
    return False


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check", help="what an EHR server takes, and what Chartside will do there", description=__doc__
    )
    parser.add_argument("url", metavar="URL", help="the FHIR base of the EHR, without a login")
    environment.add_trust(parser)
    environment.add_option(parser)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Look at a server and tell; 0, or 1 when something keeps Chartside from working there."""
    url = fetch.address(asked.url)
    with fetch.trusting(environment.authorities(environment.read(asked.env_file), asked.ca_file)):
        server = look(url)
    findings, steps = findings_of(server), steps_at(server)
    status = status_of(findings)
    if asked.json:
        terminal.write_json(
            {
                "exit": int(status),
                "url": server.url,
                "software": server.software,
                "fhir_version": server.fhir_version,
                "adapter": server.adapter,
                "expected_issuer": server.issuer,
                "scope": server.plan.scope,
                "steps": [asdict(step) for step in steps],
                "findings": [asdict(finding) for finding in findings],
            }
        )
        return status
    _show(asked, server, findings, steps)
    return status


def _next_command(asked: argparse.Namespace, server: Server) -> str:
    words = ["chartside", "register", server.url, "--base-url", "https://chartside.your.clinic"]
    words += ["--ehrs-file", "/etc/chartside/ehrs.json"]
    words += ["--ca-file", str(asked.ca_file)] if asked.ca_file else []
    words += ["--env-file", str(asked.env_file)] if asked.env_file else []
    return shlex.join(words)


def _show(
    asked: argparse.Namespace, server: Server, findings: tuple[Finding, ...], steps: tuple[StepHere, ...]
) -> None:
    terminal.heading(f"{server.url}: {server.software}, FHIR {server.fhir_version or 'not stated'}")
    terminal.say(f"Chartside's adapter there: {server.adapter}.")
    terminal.heading("What Chartside will do")
    rows = [
        (STEPS[one.step], "Chartside" if one.way == ways.APP else one.way, f"{one.does} {one.why}".strip())
        for one in steps
    ]
    terminal.table(("step", "held as", "what happens"), rows)
    if findings:
        terminal.heading("What to know")
        show(findings)
    terminal.heading("Next")
    if status_of(findings) is Exit.OK:
        terminal.say(_next_command(asked, server))
    else:
        terminal.say("Mend the problems above, then check again. Chartside cannot be opened from this EHR yet.")
