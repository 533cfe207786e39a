"""What a server kept of a resource that we sent: it may add and may drop labels, but must not say something else."""

from collections.abc import Iterator
from typing import Any

from fhir_mappings.elements import Resource
from fhir_mappings.rules.profile import codes_in


def contradictions(sent: Resource, kept: Resource) -> tuple[str, ...]:
    """List the elements in which what is read back says something else than what was sent; () if it agrees.

    Standing, answer and text count: a withdrawal that reads as active, a tombstone that still has its url, another
    note's words. A text that the server moved into a file of its own (a url for the data) is no contradiction.
    """
    return tuple(_differing(sent, kept))


def _differing(sent: Resource, kept: Resource) -> Iterator[str]:
    for name in ("resourceType", "status", "docStatus"):
        if name in sent and kept.get(name) != sent[name]:
            yield name
    of_kind = _OF_KIND.get(sent["resourceType"])
    if of_kind is None or of_kind[0] not in sent:
        return
    element, compare = of_kind
    try:
        yield from list(compare(sent, kept))
    except (KeyError, IndexError, TypeError, AttributeError):
        yield element


def _of_consent(sent: Resource, kept: Resource) -> Iterator[str]:
    if codes_in(kept.get("policyRule")) != codes_in(sent.get("policyRule")):
        yield "policyRule"
    theirs, ours = kept["provision"], sent["provision"]
    if _types(theirs) != _types(ours):
        yield "provision.provision"
    if ("end" in theirs["period"]) != ("end" in ours["period"]):
        yield "provision.period.end"


def _of_media(sent: Resource, kept: Resource) -> Iterator[str]:
    if kept["content"].get("url") != sent["content"].get("url"):
        yield "content.url"


def _of_note(sent: Resource, kept: Resource) -> Iterator[str]:
    ours, theirs = (each["content"][0]["attachment"] for each in (sent, kept))
    is_elsewhere = "data" not in theirs and "url" in theirs
    if not is_elsewhere and theirs.get("data") != ours.get("data"):
        yield "content"
    if "authenticator" in kept and "authenticator" not in sent:
        yield "authenticator"
    if "relatesTo" in sent and "relatesTo" not in kept:
        yield "relatesTo"


def _types(provision: Resource) -> list[Any]:
    return [each.get("type") for each in provision["provision"]]


_OF_KIND = {
    "Consent": ("provision", _of_consent),
    "Media": ("content", _of_media),
    "DocumentReference": ("content", _of_note),
}
"""The element that is compared beside the status, where we sent it."""
