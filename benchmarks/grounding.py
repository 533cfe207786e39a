"""How many wrong statements the grounding check finds: PriMock57's machine notes as clinicians marked them.

    python -m benchmarks.grounding --data DATA [--out grounding.json] [--learn smart_app/draft/support.toml]

The statements carry no evidence ids, so each is checked against the six lines that hold most of its words. The labelled
consultations are halved by name, every second one; the score's weights are learned from the first half and from
statements made of other consultations' notes (`spoiled`). The second half is only ever measured.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.spoiled import Judged, made
from smart_app.draft.checks import by_rules
from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.stems import content
from smart_app.draft.support import FEATURES, best_lines, features, prepared
from smart_app.ports import Transcript

Numbers = NDArray[np.float64]
FALSE_ALARMS = (0.05, 0.10, 0.15, 0.20, 0.30)
LABELLED_WEIGHT = 1.0
OTHER_WEIGHT = 0.1
"""What an ACI-Bench statement counts beside one of PriMock57, whose notes are of the labelled kind."""
SHRINK = 1.0
"""The three were chosen by leaving out one consultation of the first half at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Statements with their features, one row each, and what the simplest measures say of them."""

    consultation: list[str]
    texts: list[str]
    values: Numbers
    wrong: NDArray[np.bool_]
    overlap: Numbers
    """One minus the share of a statement's content stems that its best line holds."""
    ruled: NDArray[np.bool_]
    """Whether the rules refuse or doubt it."""


def read(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def labelled(data: Path) -> tuple[dict[str, Transcript], list[Judged]]:
    """Return PriMock57's machine-written statements with the clinicians' judgement, and their transcripts."""
    visits = {d["id"]: d for d in read(data / "eval" / "primock57.json")}
    judged = [
        Judged(
            consultation=entry["id"],
            text=line["statement"].lstrip("\u21b3 ").strip(),
            is_wrong=line["label"] == "incorrect",
        )
        for entry in read(data / "eval" / "primock57_checklists.json")
        for lines in entry["annotated_machine_notes"].values()
        for line in lines
        if line["label"] in {"correct", "incorrect"}
    ]
    return {i: transcript_from_json(visits[i]) for i in {j.consultation for j in judged}}, judged


def measured(transcripts: dict[str, Transcript], judged: Sequence[Judged]) -> Measured:
    """Measure statements against the lines that hold most of their words."""
    sessions = {i: prepared(t) for i, t in transcripts.items()}
    rows, overlap, ruled = [], [], []
    for each in judged:
        session, transcript = sessions[each.consultation], transcripts[each.consultation]
        places = best_lines(each.text, session)
        verdict, _ = by_rules(each.text, [transcript.utterances[p] for p in places])
        ruled.append(verdict != "supported")
        found = features(each.text, places, session, is_ruled_out=verdict != "supported")
        rows.append([found[name] for name in FEATURES])
        words = content(each.text)
        shared = max((len(words & content(u.text)) for u in transcript.utterances), default=0)
        overlap.append(1 - shared / len(words) if words else 0.0)
    return Measured(
        consultation=[j.consultation for j in judged],
        texts=[j.text for j in judged],
        values=np.array(rows),
        wrong=np.array([j.is_wrong for j in judged]),
        overlap=np.array(overlap),
        ruled=np.array(ruled),
    )


def learned(values: Numbers, wrong: NDArray[np.bool_], weights: Numbers) -> Numbers:
    """Return the weights of a logistic model, the constant last (Newton's method with a ridge)."""
    table = np.c_[values, np.ones(len(values))]
    ridge = SHRINK * np.diag(np.r_[np.ones(values.shape[1]), 1e-6])
    out = np.zeros(table.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-table @ out))
        slope = table.T @ (weights * (chance - wrong)) + ridge @ out
        bend = (table * (weights * chance * (1 - chance))[:, None]).T @ table + ridge
        out = out - np.linalg.solve(bend, slope)
    return out


def auroc(wrong: NDArray[np.bool_], scores: Numbers) -> float:
    """Return the chance that a wrong statement scores above a right one."""
    above, level = scores[wrong][:, None] > scores[~wrong], scores[wrong][:, None] == scores[~wrong]
    return float(np.mean(above + 0.5 * level))


def caught(wrong: NDArray[np.bool_], scores: Numbers, false_alarms: float) -> float:
    """Return the share of wrong statements above the score that this share of the right ones exceeds."""
    right = np.sort(scores[~wrong])[::-1]
    return float(np.mean(scores[wrong] > right[int(false_alarms * len(right))]))


def curve(wrong: NDArray[np.bool_], scores: Numbers) -> dict[str, Any]:
    """Return the figures of one measure."""
    return {
        "auroc": round(auroc(wrong, scores), 3),
        "caught_percent_at_false_alarms": {
            f"{share:.0%}": round(100 * caught(wrong, scores, share), 1) for share in FALSE_ALARMS
        },
    }


def _learn(rows: Measured, chosen: NDArray[np.bool_], other: Measured) -> Numbers:
    is_primock = np.array([c.startswith("primock57") for c in other.consultation])
    weights = np.r_[np.full(int(chosen.sum()), LABELLED_WEIGHT), np.where(is_primock, 1.0, OTHER_WEIGHT)]
    return learned(np.r_[rows.values[chosen], other.values], np.r_[rows.wrong[chosen], other.wrong], weights)


def _scores(values: Numbers, weights: Numbers) -> Numbers:
    return np.asarray(np.c_[values, np.ones(len(values))] @ weights)


def _left_out(rows: Measured, among: NDArray[np.bool_], other: Measured) -> Numbers:
    """Score every consultation with weights learned without it."""
    names = np.array(rows.consultation)
    out = np.zeros(len(names))
    for name in sorted(set(names[among])):
        mine = names == name
        out[mine] = _scores(rows.values[mine], _learn(rows, among & ~mine, other))
    return out


def halves(rows: Measured) -> NDArray[np.bool_]:
    """Say of each statement whether it is of the half that may be learned from."""
    names = sorted(set(rows.consultation))
    return np.array([c in set(names[::2]) for c in rows.consultation])


def figures(rows: Measured, other: Measured) -> dict[str, Any]:
    """Return the figures of word overlap, of the rules and of the score."""
    first = halves(rows)
    everything = np.ones(len(first), dtype=bool)
    scored = _scores(rows.values, _learn(rows, first, other))
    one_out, tuned_out = _left_out(rows, everything, other), _left_out(rows, first, other)
    return {
        "statements": {"right": int((~rows.wrong).sum()), "wrong": int(rows.wrong.sum())},
        "second_half": {
            "right": int((~rows.wrong & ~first).sum()),
            "wrong": int((rows.wrong & ~first).sum()),
            "word_overlap": curve(rows.wrong[~first], rows.overlap[~first]),
            "score": curve(rows.wrong[~first], scored[~first]),
        },
        "first_half_leave_one_out": curve(rows.wrong[first], tuned_out[first]),
        "all_leave_one_out": {"word_overlap": curve(rows.wrong, rows.overlap), "score": curve(rows.wrong, one_out)},
        "rules_alone": {
            "wrong_flagged_percent": round(100 * float(rows.ruled[rows.wrong].mean()), 1),
            "right_flagged_percent": round(100 * float(rows.ruled[~rows.wrong].mean()), 1),
        },
    }


def written(weights: Numbers, threshold: float) -> str:
    """Return the weights as the data file that `smart_app.draft.support` reads."""
    lines = [f"{name} = {value:.4f}" for name, value in zip((*FEATURES, "constant"), weights, strict=True)]
    head = (
        "# Weights of the grounding score, learned by `python -m benchmarks.grounding --learn` from the first half of\n"
        "# PriMock57's labelled statements and from spoiled notes (PriMock57, ACI-Bench; both CC BY 4.0). Above the\n"
        "# threshold a statement that no rule refuses is shown as partly supported.\n"
    )
    return f'{head}version = "1"\nthreshold = {threshold:.4f}\n\n[weights]\n' + "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the figures or the weights where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--learn", type=Path, help="write the weights learned from the first half here")
    args = parser.parse_args()
    transcripts, judged = labelled(args.data)
    rows = measured(transcripts, judged)
    other = measured(*made(args.data, without=frozenset(transcripts)))
    found = figures(rows, other)
    first = halves(rows)
    if args.learn:
        weights = _learn(rows, first, other)
        right = np.sort(_scores(rows.values[first & ~rows.wrong], weights))[::-1]
        args.learn.write_text(written(weights, float(right[int(0.10 * len(right))])), encoding="utf-8")
    text = json.dumps(found, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
