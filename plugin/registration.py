"""Dynamic client registration (RFC 7591, RFC 7592): what is asked, what is answered, and its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from plugin import fetch, manifest
from plugin.failures import Exit, Failure
from plugin.servers import Server, openemr_site, origin

Auth = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
AUTHS: tuple[Auth, ...] = get_args(Auth)
_MOST_WORDS = 300
_TIMEOUT_S = 15.0
"""OpenEMR encrypts what it stores and can take its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the EHR answered to a registration."""

    client_id: str
    client_secret: str
    auth: Auth
    scope: str
    expires_at: int
    """Of the secret, in seconds since 1970; 0: never."""
    management_url: str
    management_token: str


def endpoint(server: Server) -> str:
    """Return where the server registers apps; empty: by hand only. OpenEMR does not list its own."""
    if listed := server.smart_url("registration_endpoint"):
        return listed
    found = (server.openid or {}).get("registration_endpoint")
    if isinstance(found, str) and found:
        return found
    site = openemr_site(server.url) if server.is_openemr else None
    return f"{site[0]}/oauth2/{site[1]}/registration" if site else ""


def choose_auth(server: Server, asked: str) -> Auth:
    """Return how Chartside will prove itself: as asked, else a secret, which needs no way from the EHR to Chartside.

    Where the server lists no secret, the keys of the manifest.

    Raises Failure for a way that the server does not list.
    """
    listed = server.listed("token_endpoint_auth_methods_supported")
    if asked != "auto":
        # OpenEMR takes client_secret_post though it does not list it.
        is_taken = not listed or asked in listed or asked == "none" or (server.is_openemr and asked in AUTHS)
        if not is_taken:
            todo = f"It lists {', '.join(listed)}: choose one of these with --auth."
            raise Failure(Exit.USAGE, "auth_not_offered", f"The EHR does not take {asked}.", todo)
        return next(each for each in AUTHS if each == asked)
    order: tuple[Auth, ...] = ("client_secret_basic", "private_key_jwt", "client_secret_post")
    return next((each for each in order if not listed or each in listed), "client_secret_basic")


def scope_of(server: Server, *, is_standalone: bool, is_service: bool) -> str:
    """Return the scopes to register: no more than launches ask, since OpenEMR may grant all that is registered."""
    words = server.plan.scope.split()
    if is_standalone:
        words += server.plan.standalone_scope.split()
    if is_service:
        words += server.plan.service_scope.split()
    return " ".join(dict.fromkeys(words))


def metadata(server: Server, base_url: str, *, auth: Auth, scope: str, contacts: Sequence[str]) -> dict[str, Any]:
    """Return the RFC 7591 metadata of this site at this server. Raises Failure for an address that is no site's."""
    client = manifest.client_metadata(manifest.load(), base_url)
    client |= {"token_endpoint_auth_method": auth, "scope": scope}
    if contacts:
        client["contacts"] = list(contacts)
    if auth != "private_key_jwt":
        del client["jwks_uri"]  # an EHR may try to read an address that nobody needs there
    if server.is_openemr:
        client["application_type"] = "public" if auth == "none" else "private"
    return client


def register(url: str, asked: Mapping[str, Any], *, initial_token: str) -> Registered:
    """Register. Raises Failure with what the EHR says."""
    headers = {"Accept": "application/json"}
    if initial_token:
        headers["Authorization"] = f"Bearer {initial_token}"
    answer = fetch.send("POST", url, headers=headers, json_body=asked, timeout_s=_TIMEOUT_S)
    found = answer.object() or {}
    if answer.status not in {200, 201}:
        raise _refused(answer, found)
    client_id = found.get("client_id")
    if not isinstance(client_id, str) or not client_id:
        sentence = "The EHR answered the registration without a client_id."
        raise Failure(
            Exit.NOT_FHIR, "no_client_id", sentence, "Look for Chartside among the EHR's apps; register by hand."
        )
    got = found.get("redirect_uris")
    if isinstance(got, list) and not set(asked["redirect_uris"]) <= {str(each) for each in got}:
        sentence = "The EHR registered other redirect addresses than Chartside's."
        raise Failure(
            Exit.REFUSED, "redirect_changed", sentence, "Delete that registration at the EHR; register by hand."
        )
    return _registered(found, client_id, asked, url)


def _registered(found: Mapping[str, Any], client_id: str, asked: Mapping[str, Any], url: str) -> Registered:
    answered = found.get("token_endpoint_auth_method")
    auth = next((each for each in AUTHS if each == answered), asked["token_endpoint_auth_method"])
    secret = found.get("client_secret")
    has_secret = isinstance(secret, str) and bool(secret)
    if auth.startswith("client_secret") and not has_secret:
        sentence = "The EHR registered Chartside without a secret."
        todo = "Read the secret in the EHR's app list; run this again with --client-id and --client-secret-file."
        raise Failure(Exit.REFUSED, "no_secret", sentence, todo)
    management = found.get("registration_client_uri")
    # Its token is worth the registration: it goes to the server that gave it only.
    is_ours = isinstance(management, str) and origin(management) == origin(url)
    expires = found.get("client_secret_expires_at")
    return Registered(
        client_id=client_id,
        client_secret=str(secret) if has_secret and auth.startswith("client_secret") else "",
        auth=auth,
        scope=str(found.get("scope") or asked["scope"]),
        expires_at=expires if isinstance(expires, int) else 0,
        management_url=str(management) if is_ours else "",
        management_token=str(found.get("registration_access_token") or "") if is_ours else "",
    )


def _refused(answer: fetch.Answer, found: Mapping[str, Any]) -> Failure:
    said = " ".join(str(found.get(name) or "") for name in ("error", "error_description", "message", "hint")).strip()
    words = f" It says: {said[:_MOST_WORDS]}" if said else ""
    if answer.status in {401, 403}:
        todo = (
            "Ask the EHR's people for an initial access token (--initial-token-file), or register by hand (--manual)."
        )
        return Failure(
            Exit.REFUSED, "registration_closed", f"The EHR registers apps for those it knows only.{words}", todo
        )
    if answer.status in {404, 405, 501}:
        todo = "Run the command with --manual: it shows what to type in at the EHR."
        return Failure(Exit.REFUSED, "no_registration", f"The EHR registers no apps at {answer.url}.", todo)
    if answer.status >= 500:
        return Failure(
            Exit.UNREACHABLE,
            "ehr_fault",
            f"The EHR has a fault: it answers {answer.status}.{words}",
            "Look whether Chartside is among the EHR's apps already, then try again.",
        )
    todo = "Correct what it names, or register by hand (--manual)."
    if "scope" in said.lower():
        todo = "One unknown scope makes it refuse all. Compare with `chartside check`; is the module enabled?"
    return Failure(
        Exit.REFUSED, "registration_refused", f"The EHR refused the registration ({answer.status}).{words}", todo
    )


def revoke(url: str, token: str) -> bool:
    """End a registration where the EHR offers that (RFC 7592); False: it does not. Raises Failure: unreachable."""
    answer = fetch.send("DELETE", url, headers={"Authorization": f"Bearer {token}"}, timeout_s=_TIMEOUT_S)
    return answer.status in {200, 202, 204}
