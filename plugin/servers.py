"""What can be known of an EHR server without a login: its statement, its SMART documents, and the app's plan for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from fhir_mappings import ways
from plugin import app_process, fetch
from plugin.failures import Exit, Failure

FHIR_JSON = "application/fhir+json, application/json;q=0.9"
USUAL_BASES = ("/apis/default/fhir", "/fhir", "/fhir/R4", "/fhir/r4", "/baseR4")
"""Where FHIR servers usually stand below their site's address; the first is OpenEMR's."""
_GUESS_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The scopes that the app would ask this server for, and what it may do with them (from the app itself)."""

    scope: str = ""
    standalone_scope: str = ""
    service_scope: str = ""
    supported: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    operations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def takes(self, resource: str, operation: str) -> bool:
        """Say whether the app may use an operation on a resource."""
        return operation in self.operations.get(resource, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server as read: documents are None where it gives none that can be used."""

    url: str
    statement: dict[str, Any] | None
    smart: dict[str, Any] | None
    openid: dict[str, Any] | None
    keys: tuple[dict[str, Any], ...]
    issuer: str
    """The `iss` of its id_tokens (expected_issuer); empty: not found."""
    skew_s: float | None
    """How far its clock is ahead of ours, from the Date header."""
    plan: Plan

    @property
    def software(self) -> str:
        """Return name and version as it states them."""
        found = (self.statement or {}).get("software")
        parts = [found.get("name"), found.get("version")] if isinstance(found, dict) else []
        return " ".join(str(part) for part in parts if part) or "unnamed"

    @property
    def fhir_version(self) -> str:
        """Return the FHIR version that it states."""
        return str((self.statement or {}).get("fhirVersion") or "")

    @property
    def adapter(self) -> ways.Adapter:
        """Return the adapter that the app would choose."""
        return ways.adapter_for(self.statement, self.plan.supported)

    @property
    def is_openemr(self) -> bool:
        """Say whether it is an OpenEMR."""
        return self.adapter != "fhir_r4"

    def smart_url(self, name: str) -> str:
        """Return an address of its smart-configuration, made absolute; empty: it names none."""
        found = (self.smart or {}).get(name)
        return urljoin(self.url + "/", found) if isinstance(found, str) and found else ""

    def listed(self, name: str) -> tuple[str, ...]:
        """Return a list of its smart-configuration; empty where there is none."""
        found = (self.smart or {}).get(name)
        return tuple(str(each) for each in found) if isinstance(found, list) else ()


def origin(url: str) -> str:
    """Return scheme, host and port of an address, without a default port."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def openemr_site(url: str) -> tuple[str, str] | None:
    """Return address and id of the OpenEMR site whose FHIR base this is; None for a base of another form."""
    site, found, rest = url.partition("/apis/")
    site_id, _, last = rest.partition("/")
    return (site, site_id) if found and site_id and last == "fhir" else None


def look(url: str) -> Server:
    """Read what a server says of itself. Raises Failure where that is no FHIR server, or none that answers."""
    base = url.removesuffix("/metadata")
    answer = fetch.get(f"{base}/metadata", accept=FHIR_JSON)
    statement = _statement(base, answer)
    smart = _document(f"{base}/.well-known/smart-configuration")
    issuer, openid = _issuer(base, smart)
    plan = _plan(smart, statement)
    return Server(
        url=base,
        statement=statement,
        smart=smart,
        openid=openid,
        keys=_keys(base, openid or smart),
        issuer=issuer,
        skew_s=skew_s(answer),
        plan=plan,
    )


def skew_s(answer: fetch.Answer) -> float | None:
    """Return how far a server's clock is ahead of this machine's, in seconds; None: it does not say."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return (at - datetime.now(UTC)).total_seconds() if at.tzinfo else None


def _statement(base: str, answer: fetch.Answer) -> dict[str, Any] | None:
    host = urlsplit(base).netloc
    if answer.status >= 500:
        raise Failure(
            Exit.UNREACHABLE,
            "ehr_fault",
            f"{host} has a fault: it answers {answer.status}.",
            "Try again; if it stays so, tell the people who run the EHR."
            + (" Its FHIR service may be switched off (Admin > Config > Connectors)." if openemr_site(base) else ""),
        )
    if answer.status in {401, 403}:
        return None  # a statement behind a login forbids nothing
    found = answer.object()
    if answer.status == 200 and found is not None and found.get("resourceType") == "CapabilityStatement":
        return found
    raise Failure(Exit.NOT_FHIR, *_no_statement(base, answer))


def _no_statement(base: str, answer: fetch.Answer) -> tuple[str, str, str]:
    """Return code, sentence and advice for an answer that is no CapabilityStatement."""
    if answer.is_html:
        code, what = "web_page", "answers with a web page, not with FHIR"
    elif answer.status != 200:
        code, what = "no_metadata", f"answers {answer.status} at /metadata"
    else:
        code, what = "wrong_json", "answers with something that is no CapabilityStatement"
    better = next(_bases_nearby(base), "")
    todo = f"A FHIR server answers at {better}: try that address." if better else _WHERE
    return code, f"{base} {what}.", todo


_WHERE = (
    "Give the FHIR base, not the login page. OpenEMR: https://your.server/apis/default/fhir, after switching on its"
    " APIs under Admin > Config > Connectors; elsewhere ask the EHR's vendor for the FHIR R4 base."
)


def _bases_nearby(base: str) -> Iterator[str]:
    """Yield the usual bases below the same site that answer with a CapabilityStatement."""
    for path in USUAL_BASES:
        there = origin(base) + path
        if there == base:
            continue
        try:
            answer = fetch.get(f"{there}/metadata", accept=FHIR_JSON, timeout_s=_GUESS_TIMEOUT_S)
        except Failure:
            continue
        if (answer.object() or {}).get("resourceType") == "CapabilityStatement":
            yield there


def _document(url: str) -> dict[str, Any] | None:
    try:
        answer = fetch.get(url)
    except Failure:
        return None
    return answer.object() if answer.status == 200 else None


def _issuer(base: str, smart: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    """Return the issuer whose OpenID document names itself so, with that document; else what SMART states alone."""
    smart = smart or {}
    stated = smart.get("issuer") if isinstance(smart.get("issuer"), str) else ""
    candidates = [str(stated)]
    if (site := openemr_site(base)) is not None:
        candidates.insert(0, f"{site[0]}/oauth2/{site[1]}")
    token = smart.get("token_endpoint")
    if isinstance(token, str):
        candidates += [urljoin(base + "/", token).rpartition("/")[0], origin(urljoin(base + "/", token))]
    for issuer in dict.fromkeys(filter(None, candidates)):
        document = _document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document is not None and document.get("issuer") == issuer:
            return issuer, document
    return str(stated), None


def _keys(base: str, document: dict[str, Any] | None) -> tuple[dict[str, Any], ...]:
    url = (document or {}).get("jwks_uri")
    found = _document(urljoin(base + "/", url)) if isinstance(url, str) and url else None
    keys = (found or {}).get("keys")
    return tuple(key for key in keys if isinstance(key, dict)) if isinstance(keys, list) else ()


def _plan(smart: dict[str, Any] | None, statement: dict[str, Any] | None) -> Plan:
    found = app_process.ask(["scopes"], said={"smart": smart, "statement": statement})
    return Plan(
        scope=found["scope"],
        standalone_scope=found["standalone_scope"],
        service_scope=found["service_scope"],
        supported=tuple(found["supported"]),
        capabilities=frozenset(found["capabilities"]),
        operations={name: tuple(operations) for name, operations in found["takes"].items()},
    )
