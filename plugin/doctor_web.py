"""The web process as browsers and EHRs reach it: through the proxy, by its public address."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from plugin import fetch
from plugin.failures import Failure
from plugin.findings import Finding, note, ok, problem, warning

LARGEST_BODY_BYTES = 1_000_000
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


def web_findings(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the public address answers: alive, over https, the key list, what the proxy does on the way."""
    base = str(facts["base_url"])
    yield _microphone(base)
    try:
        health = fetch.get(f"{base}/healthz")
    except Failure as failure:
        todo = f"{failure.todo} Start `chartside serve`, and look at the proxy."
        yield problem("web", f"{base} cannot be reached from here. {failure.sentence}", todo)
        return
    if health.status != 200 or (health.object() or {}).get("status") != "ok":
        found = f"{base}/healthz answers {health.status}, and not as Chartside does."
        yield problem("web", found, "Check that the proxy passes everything below this address to `chartside serve`.")
        return
    yield ok("web", f"{base} answers.")
    yield from _headers(base, health)
    yield _keys(base)
    yield _large_body(base)


def _microphone(base: str) -> Finding:
    parts = urlsplit(base)
    if parts.scheme == "https":
        return ok("https", "The address is https, so browsers allow the microphone.")
    found = f"{base} is http on this machine: for trying only. Elsewhere browsers deny the microphone."
    return note("https", found, "For a clinic set CHARTSIDE_BASE_URL to an https address.")


def _headers(base: str, health: fetch.Answer) -> Iterator[Finding]:
    if urlsplit(base).scheme == "https" and "strict-transport-security" not in health.headers:
        found = "Chartside does not know that it is reached over https."
        yield problem("proxy_proto", found, "Let the proxy set the header X-Forwarded-Proto: https.")
    if "no-store" not in health.headers.get("cache-control", ""):
        found = "The proxy changes or drops Cache-Control."
        yield problem("proxy_cache", found, "Let the proxy pass the header, and cache nothing.")
    for name in ("content-security-policy", "x-content-type-options"):
        if name not in health.headers:
            yield warning("proxy_headers", f"The proxy drops the header {name}.", "Let it pass Chartside's headers.")


def _keys(base: str) -> Finding:
    try:
        found = fetch.get(f"{base}/.well-known/jwks.json").object() or {}
    except Failure:
        found = {}
    keys = [key for key in found.get("keys") or [] if isinstance(key, dict)]
    if not keys:
        words = f"{base}/.well-known/jwks.json gives no keys."
        return problem("jwks", words, "Let the proxy pass this address; EHRs read Chartside's public keys there.")
    if any(_PRIVATE & set(key) for key in keys):
        return problem("jwks_private", "The key list holds private keys.", "Run `chartside keys rotate --leaked` now.")
    return ok("jwks", f"The public keys are served ({', '.join(sorted({str(key.get('alg')) for key in keys}))}).")


def _large_body(base: str) -> Finding:
    """Send a piece as large as a recorder's: Chartside refuses it unread, a proxy with a small limit says 413."""
    try:
        answer = fetch.send("PUT", f"{base}/chunks/doctor/0/0", body=bytes(LARGEST_BODY_BYTES))
    except Failure as failure:
        todo = "Let the proxy pass bodies of 1 MB (nginx: client_max_body_size 2m)."
        return warning("proxy_body", f"A body of 1 MB did not get through. {failure.sentence}", todo)
    if answer.status == 413:
        todo = "Let the proxy pass bodies of 1 MB (nginx: client_max_body_size 2m)."
        return problem("proxy_body", "The proxy refuses bodies of 1 MB, so no recording could be uploaded.", todo)
    return ok("proxy_body", "Bodies of 1 MB get through.")
