"""A profile says what one kind of resource must look like; `check_profile` holds a resource against it.

Paths come in two forms: `at` with indexes, for people (content[0].attachment), and `shape` without, for the tables
(content.attachment).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_mappings.codes import Code
from fhir_mappings.elements import LOGICAL, Resource, parse_instant, sha1_b64
from fhir_mappings.faults import Fault
from fhir_mappings.model import Site
from fhir_mappings.text import FORBIDDEN

Extra = Callable[[Resource, Site], Iterator[Fault]]

INSTANTS = frozenset(
    {"dateTime", "verificationDate", "creation", "start", "end", "issued", "time", "date", "occurredDateTime"}
    | {"recorded", "sent", "authored", "authoredOn", "lastModified"}
)
PERIODS = frozenset({"period", "createdPeriod", "occurredPeriod"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "size": (int,),
    "duration": (int, float),
    "requestor": (bool,),
    "verified": (bool,),
}
_FORBIDDEN = frozenset({"modifierExtension", "implicitRules", "contained"})
_SKIPPED = frozenset({"extension"})
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(/_history/[A-Za-z0-9.-]{1,64})?")
_MIME = re.compile(r"(application|audio|text)/[A-Za-z0-9.+-]+(; ?[a-z]+=[A-Za-z0-9._-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one kind of resource must look like; all keys are shapes."""

    required: Mapping[str, tuple[str, ...]]
    """The elements that every object of this shape has; '' is the resource."""
    bindings: Mapping[str, frozenset[str]] = field(default_factory=dict)
    codes: Mapping[str, tuple[Code, ...]] = field(default_factory=dict)
    """Every place where a Coding may stand, and which."""
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every place where a Reference may stand, and to what; 'X/_history' asks for a versioned one."""
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every place where an Identifier stands, and its kinds below {base}/ids/."""
    logical: tuple[str, ...] = ()
    """Places where a reference may be by identifier alone, to what this server may not hold itself."""
    logical_kinds: Mapping[str, str] = field(default_factory=lambda: LOGICAL)
    """Types that may be, each with its identifier's kind below {base}/ids/."""
    said_only: Mapping[str, str] = field(default_factory=dict)
    """Places where a reference may be by words alone, to somebody of this type for whom there is no resource."""
    attachments: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    """Lists with exactly one entry."""
    absent: tuple[str, ...] = ()
    """Elements that R4 knows and this resource must not have."""
    extra: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value inside a resource."""

    at: str
    shape: str
    value: Any

    @property
    def key(self) -> str:
        """Return the last element's name."""
        return self.shape.rpartition(".")[2]


def check_profile(profile: Profile, resource: Resource, site: Site) -> Iterator[Fault]:
    """List what a resource, already accepted by the R4B model, lacks or has wrong."""
    for node in nodes(resource):
        yield from _primitive_faults(profile, node)
        if isinstance(node.value, dict):
            yield from _object_faults(profile, node, site)
        if isinstance(node.value, list) and node.shape in profile.single and len(node.value) != 1:
            yield fault(node.at, "required", "has exactly one entry")
    for extra in profile.extra:
        yield from guarded(extra(resource, site))


def guarded(faults: Iterator[Fault]) -> Iterator[Fault]:
    """List faults; a rule that trips over a gap, which the tables have named already, ends in a fault and no crash."""
    try:
        yield from list(faults)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        yield fault("", "required", "lacks an element that a rule needs")


def nodes(value: Any, at: str = "", shape: str = "") -> Iterator[Node]:
    """Walk a resource: every object, list and primitive, parents first."""
    yield Node(at=at, shape=shape, value=value)
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _SKIPPED:
                yield from nodes(inner, f"{at}.{name}".lstrip("."), f"{shape}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from nodes(inner, f"{at}[{number}]", shape)


def nulls(resource: Resource) -> Iterator[Fault]:
    """List what is null: the R4B model takes it for an element that is not there, JSON in R4 has no null."""
    for node in nodes(resource):
        if node.value is None:
            yield fault(node.at, "empty", "is empty")


def fault(at: str, rule: str, message: str) -> Fault:
    """Build a fault."""
    return Fault(path=at, rule=rule, message=message)


def codes_in(concepts: Any) -> list[str]:
    """Return the codes of a CodeableConcept, a Coding or a list of either."""
    if isinstance(concepts, dict):
        concepts = [concepts]
    found = []
    for concept in concepts or ():
        found += [coding.get("code") for coding in concept.get("coding", [concept])]
    return found


def instant_of(value: Any) -> float:
    """Return a FHIR time in seconds since 1970. Raises ValueError."""
    at = parse_instant(value)
    if at is None:
        raise ValueError("not a FHIR time")
    return at.timestamp()


def _primitive_faults(profile: Profile, node: Node) -> Iterator[Fault]:
    value = node.value
    if value in ({}, []) or (isinstance(value, str) and not value.strip()):
        yield fault(node.at, "empty", "is empty")
        return
    if isinstance(value, str) and FORBIDDEN.search(value):
        yield fault(node.at, "string", "holds a character that no FHIR string may")
    if isinstance(value, list) and any(value.count(each) > 1 for each in value):
        yield fault(node.at, "unique", "holds the same twice")
    if node.key in _FORBIDDEN or node.shape in profile.absent:
        yield fault(node.at, "absent", "must not be here")
    if node.shape in profile.bindings and not isinstance(value, list) and value not in profile.bindings[node.shape]:
        yield fault(node.at, "binding", "has a code outside the required binding")
    if node.key in INSTANTS and not node.shape.startswith("meta") and parse_instant(value) is None:
        yield fault(node.at, "instant", "is no time with seconds and zone")
    if node.key in _TYPES and not _is_a(value, _TYPES[node.key]):
        yield fault(node.at, "type", "has the wrong JSON type")


def _is_a(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _object_faults(profile: Profile, node: Node, site: Site) -> Iterator[Fault]:
    for name in profile.required.get(node.shape, ()):
        if name not in node.value:
            yield fault(f"{node.at}.{name}".lstrip("."), "required", "is missing")
    yield from _code_faults(profile, node, site)
    yield from _target_faults(profile, node, site)
    yield from _identifier_faults(profile, node, site)
    if node.key in PERIODS:
        yield from _period_faults(node)
    if node.shape in profile.attachments:
        yield from _attachment_faults(node)


def _code_faults(profile: Profile, node: Node, site: Site) -> Iterator[Fault]:
    if f"{node.shape}.coding" in profile.codes and "coding" not in node.value:
        yield fault(node.at, "code", "has no coding")
    allowed = profile.codes.get(node.shape)
    if allowed is None:
        if {"system", "code"} <= node.value.keys():
            yield fault(node.at, "code", "is a code in a place that has none")
        return
    found = (node.value.get("system"), node.value.get("code"), node.value.get("display"))
    if found not in {(code.system_at(site), code.code, code.display) for code in allowed}:
        yield fault(node.at, "code", "is not in the closed list of system, code and display for this place")


def _target_faults(profile: Profile, node: Node, site: Site) -> Iterator[Fault]:
    allowed = profile.targets.get(node.shape)
    if allowed is None:
        if isinstance(node.value.get("reference"), str):
            yield fault(node.at, "reference", "is a reference in a place that has none")
        return
    if node.shape in profile.logical and "reference" not in node.value:
        yield from _logical_faults(profile.logical_kinds, allowed, node, site)
        return
    if node.shape in profile.said_only and "reference" not in node.value:
        if set(node.value) != {"type", "display"} or node.value["type"] != profile.said_only[node.shape]:
            yield fault(node.at, "reference", "names nobody of the type that needs no resource here")
        return
    match = _REFERENCE.fullmatch(str(node.value.get("reference", "")))
    if match is None:
        yield fault(node.at, "reference", "is no literal relative reference")
    elif (match[1] + ("/_history" if match[2] else "")) not in allowed:
        yield fault(node.at, "reference", "points to a type that this place does not allow")


def _logical_faults(kinds: Mapping[str, str], allowed: tuple[str, ...], node: Node, site: Site) -> Iterator[Fault]:
    kind, identifier = node.value.get("type"), node.value.get("identifier", {})
    if kind not in allowed or kind not in kinds:
        yield fault(node.at, "reference", "points to a type that this place does not allow")
    elif identifier.get("system") != f"{site.base}/ids/{kinds[kind]}" or "value" not in identifier:
        yield fault(node.at, "reference", "has no identifier of this site")


def _identifier_faults(profile: Profile, node: Node, site: Site) -> Iterator[Fault]:
    kinds = profile.identifiers.get(node.shape)
    if kinds is None:
        return
    if node.value.get("system") not in {f"{site.base}/ids/{kind}" for kind in kinds}:
        yield fault(node.at, "identifier", "is not in this site's identifier system")
    if "value" not in node.value:
        yield fault(node.at, "identifier", "has no value")


def _period_faults(node: Node) -> Iterator[Fault]:
    start, end = parse_instant(node.value.get("start")), parse_instant(node.value.get("end"))
    if start is None:
        yield fault(node.at, "period", "has no start")
    elif end is not None and end < start:
        yield fault(node.at, "per-1", "ends before it starts")


def _attachment_faults(node: Node) -> Iterator[Fault]:
    attachment = node.value
    content_type, size, sha1 = attachment.get("contentType"), attachment.get("size"), attachment.get("hash")
    if not isinstance(content_type, str) or not _MIME.fullmatch(content_type):
        yield fault(node.at, "att-1", "has no contentType, or none that is a MIME type")
    if size is not None and not (isinstance(size, int) and size >= 0):
        yield fault(node.at, "size", "is no number of bytes")
    if sha1 is not None and len(_decoded(sha1) or b"") != 20:
        yield fault(node.at, "hash", "is no base64 SHA-1")
    if "data" not in attachment:
        return
    data = _decoded(attachment["data"])
    if data is None:
        yield fault(node.at, "base64", "does not decode")
        return
    if size is not None and size != len(data):
        yield fault(node.at, "size", "differs from the data")
    if sha1 != sha1_b64(data):
        yield fault(node.at, "hash", "differs from the data")


def _decoded(value: Any) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None
