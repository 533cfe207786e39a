"""Writes docs/fhir-mapping.md from what the mappings emit in every state, so that the page cannot drift.

`python -m tests.fhir_mappings.mapping_page`; the words beside the values are in mapping_words.toml.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fhir_mappings.elements import Resource
from tests.fhir_mappings.cast import SITE
from tests.fhir_mappings.states import STATES

PAGE = Path(__file__).parents[2] / "docs" / "fhir-mapping.md"
WORDS = Path(__file__).with_name("mapping_words.toml")
KINDS = (
    *("Consent", "Media", "DocumentReference", "Provenance", "QuestionnaireResponse", "Questionnaire", "Device"),
    *("AuditEvent", "Task", "Communication", "OperationOutcome"),
)
_CLOSED = (".status", ".docStatus", ".action", ".outcome", ".type", ".role", ".repeats", ".verified")
Seen = dict[str, dict[str, set[str]]]
"""Element -> value -> the states that have it."""


@cache
def _emitted() -> dict[str, Resource]:
    return {name: make() for name, make in STATES.items()}


def seen(kind: str) -> tuple[list[str], Seen]:
    """Return a kind's states, and what stands in each element in which of them."""
    made = {name: each for name, each in _emitted().items() if each["resourceType"] == kind}
    found: Seen = {}
    for name, resource in made.items():
        for shape, value in _facts(resource):
            found.setdefault(shape, {}).setdefault(value, set()).add(name)
    return list(made), found


def _facts(value: Any, shape: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _facts(each, shape)
    elif not isinstance(value, dict):
        yield shape, _literal(value)
    elif {"system", "code"} <= value.keys():
        yield shape.removesuffix(".coding"), f"`{_literal_url(value['system'])}` `{value['code']}`"
    elif {"system", "value"} <= value.keys():
        yield shape, f"`{_literal_url(value['system'])}`"
    elif _is_reference(value):
        yield shape, _pointed_at(value)
    else:
        for name, inner in value.items():
            if name != "resourceType":
                yield from _facts(inner, f"{shape}.{name}".lstrip("."))


def _is_reference(value: Resource) -> bool:
    is_typed = isinstance(value.get("type"), str) and bool({"identifier", "display"} & value.keys())
    return isinstance(value.get("reference"), str) or is_typed


def _pointed_at(value: Resource) -> str:
    if isinstance(value.get("reference"), str):
        return f"→ {value['reference'].partition('/')[0]}"
    is_logical = "identifier" in value
    by = "(by identifier where the server holds none)" if is_logical else "(by words where the chart has none)"
    return f"→ {value['type']} {by}"


def _literal(value: Any) -> str:
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{_literal_url(str(value))}`"


def _literal_url(text: str) -> str:
    text = re.sub(rf"^{re.escape(SITE.base)}(?=/fhir/)", "{canonical}", text).replace(SITE.base, "{base}")
    return text.replace("http://terminology.hl7.org/CodeSystem/", "{TH}/")


def page() -> str:
    """Write the page."""
    words = tomllib.loads(WORDS.read_text())
    lines = [
        "# FHIR mapping",
        "",
        "Written from what Chartside emits (`python -m tests.fhir_mappings.mapping_page`; a test compares): every",
        "element of every resource, its value, and when it is there. FHIR R4 4.0.1. `{base}` is the address of the",
        "installation, `{canonical}` the root of its canonical URLs, `{TH}` is `http://terminology.hl7.org/CodeSystem`;",
        "→ is a reference. How to ask for the resources: fhir-clients.md;",
        "which server takes what: servers.md. Every resource is checked by rules of our own before it is sent; how",
        "well they catch faults: fhir-quality.md.",
        "",
    ]
    for kind in KINDS:
        states, found = seen(kind)
        lines += [f"## {kind}", "", words["kinds"][kind].strip(), ""]
        lines += [f"States on this page: {', '.join(f'`{_short(kind, name)}`' for name in states)}.", ""]
        lines += ["| element | value | when |", "|---|---|---|"]
        for shape, values in found.items():
            lines.append(f"| {shape} | {_value(words, f'{kind}.{shape}', values)} | {_when(kind, values, states)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def missing_words() -> list[str]:
    """List the varying elements that have no words, and words of elements that are not emitted."""
    both = tomllib.loads(WORDS.read_text())
    words = both["elements"] | both["instead"]
    shapes = {f"{kind}.{shape}": values for kind in KINDS for shape, values in seen(kind)[1].items()}
    lacking = [shape for shape, values in shapes.items() if _varies(shape, values) and shape not in words]
    return lacking + [f"{shape} is not emitted" for shape in words if shape not in shapes]


def _varies(shape: str, values: dict[str, set[str]]) -> bool:
    is_coded = all(value.startswith("→") or value.count("`") == 4 for value in values)
    return not is_coded and not shape.endswith(_CLOSED) and (len(values) > 1 or _is_of_this_visit(next(iter(values))))


def _is_of_this_visit(value: str) -> bool:
    """Say whether a value is a time, a number, bytes or empty: the same in our examples only by chance."""
    return value == "" or re.search(r"\d{4}-\d\d|\d{3}|=`$|^`\d", value) is not None


def _value(words: dict[str, Any], shape: str, values: dict[str, set[str]]) -> str:
    if shape in words["instead"]:
        return str(words["instead"][shape])
    said = words["elements"].get(shape, "")
    if _varies(shape, values):
        return str(said)
    listed = _listed(values)
    return f"{listed}; {said}" if said else listed


def _listed(values: Iterable[str]) -> str:
    """List values; the codes of one system after it, the types of one way of referring together."""
    groups: dict[str, list[str]] = {}
    for value in sorted(values):
        first, _, rest = value.partition(" ")
        groups.setdefault(first if rest else "", []).append(rest or first)
    return ", ".join(f"{group} {', '.join(each)}".strip() for group, each in groups.items())


def _when(kind: str, values: dict[str, set[str]], states: list[str]) -> str:
    having = set().union(*values.values())
    lacking = [name for name in states if name not in having]
    if not lacking:
        return "always"
    if len(lacking) <= len(having):
        return "not in " + ", ".join(_short(kind, name) for name in lacking)
    return ", ".join(_short(kind, name) for name in states if name in having)


def _short(kind: str, name: str) -> str:
    """Return a state's name without its resource: 'docref-final' becomes 'final'."""
    first, _, rest = name.partition("-")
    return rest or first


if __name__ == "__main__":
    PAGE.write_text(page())
