"""Each registered EHR, seen from the installation: reachable, trusted, on time, and whether it knows the client."""

from collections.abc import Iterator, Mapping
from typing import Any

from plugin.check import findings_of
from plugin.failures import Failure
from plugin.findings import Finding, note, ok, problem, warning
from plugin.register import FHIR_USER, example_user
from plugin.servers import Server, look

_KNOWN = {"invalid_grant", "invalid_request"}
"""What a token endpoint says to a wrong code of a client that proved itself."""
_WHERE = "The person's page My profile and settings shows it after a launch."
_UNKNOWN = {"invalid_client", "unauthorized_client"}


def ehr_findings(ehr: Mapping[str, Any], base_url: str) -> Iterator[Finding]:
    """Yield what is found about one EHR, each sentence with its name."""
    for finding in _findings(ehr, base_url):
        yield Finding(mark=finding.mark, code=finding.code, found=f"{ehr['name']}: {finding.found}", todo=finding.todo)


def _findings(ehr: Mapping[str, Any], base_url: str) -> Iterator[Finding]:
    try:
        server = look(ehr["iss"])
    except Failure as failure:
        yield problem(f"ehr_{failure.code}", failure.sentence, failure.todo)
        return
    took = f"{server.software} answers at {server.url}"
    yield ok("ehr", f"{took}, over https." if server.url.startswith("https") else f"{took}.")
    yield from (each for each in findings_of(server) if each.mark in {"problem", "warning"})
    if server.issuer and server.issuer != ehr["expected_issuer"]:
        found = f"its id_tokens come from {server.issuer}, the entry expects {ehr['expected_issuer']}."
        yield problem("issuer", found, "Correct expected_issuer in the entry, if the EHR was moved on purpose.")
    if not ehr["admin_users"]:
        found = "no administrator is named, so nobody sees /admin."
        yield note("no_admin", found, f'Add "admin_users": ["{example_user(server)}"] to the entry. {_WHERE}')
    for user in ehr["admin_users"]:
        if not FHIR_USER.fullmatch(user):
            found = f"the administrator '{user}' is not TYPE/ID, so nobody sees /admin by it."
            yield problem("admin_user", found, f"Correct it in the entry. {_WHERE}")
    yield from _client(ehr, server, base_url)


def _client(ehr: Mapping[str, Any], server: Server, base_url: str) -> Iterator[Finding]:
    """Judge what the token endpoint said to a code that cannot exist."""
    if "fault" in ehr:
        yield problem("ehr_login", ehr["fault"]["public"], ehr["fault"]["todo"])
        return
    token = ehr.get("token")
    if token is None:
        return
    error = token["error"]
    if error in _UNKNOWN or token["status"] == 401:
        yield problem(
            "client_refused",
            f"it does not accept the client {ehr['client_id']} ({error}).",
            _todo(ehr, server, base_url),
        )
    elif error in _KNOWN:
        yield ok("client", "it accepts the registration.")
    else:
        found = f"it answered {token['status']} {error or 'without a reason'} to a test of the registration."
        yield warning("client_unclear", found, "Try a launch; if it fails, look at the EHR's log.")


def _todo(ehr: Mapping[str, Any], server: Server, base_url: str) -> str:
    if ehr["auth"] == "private_key_jwt":
        proof = f"Check client_id, and that the EHR can read {base_url}/.well-known/jwks.json."
    else:
        proof = "Check client_id and secret in the entry."
    if server.is_openemr:
        return f"Enable it first: Admin > System > API Clients > {ehr['client_id'][:12]}... > Enable. Then: {proof}"
    return proof
