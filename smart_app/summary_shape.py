"""The JSON shape of a summary (`chartside.summary/1`, docs/draft.md), read and written here alone. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from smart_app.errors import BadInput
from smart_app.ports import Omission, Section, Statement, Summary, TooLittle

SUMMARY = "chartside.summary/1"


def to_json(summary: Summary | TooLittle) -> dict[str, Any]:
    """Return the summary as JSON; a TooLittle as {"too_little": reason}."""
    if isinstance(summary, TooLittle):
        return {"too_little": summary.reason}
    return {
        "format": SUMMARY,
        "style": summary.format,
        "sections": [
            {"key": s.key, "title": s.title, "hint": s.hint, "statements": _listed(s.statements)}
            for s in summary.sections
        ],
        "for_your_wording": _listed(summary.for_your_wording),
        "unplaced": _listed(summary.unplaced),
        "left_out": _listed(summary.left_out),
        "omissions": [{"kind": o.kind, "text": o.text, "evidence": list(o.evidence)} for o in summary.omissions],
        "drafter": summary.drafter,
        "prompt_version": summary.prompt_version,
    }


def _listed(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    return [{**asdict(each), "evidence": list(each.evidence)} for each in statements]


def from_json(raw: Mapping[str, Any]) -> Summary | TooLittle:
    """Read back what `to_json` wrote. Raises BadInput for anything else."""
    return TooLittle(reason=str(raw["too_little"])) if "too_little" in raw else summary_from_json(raw)


def summary_from_json(raw: Mapping[str, Any]) -> Summary:
    """Read a summary; what an earlier version did not write is empty. Raises BadInput for anything else."""
    try:
        if raw["format"] != SUMMARY:
            raise BadInput("not_a_summary", f'A summary has "format": "{SUMMARY}", and this has not.')
        return Summary(
            format=raw["style"],
            sections=tuple(
                Section(
                    key=each["key"],
                    title=each["title"],
                    hint=each.get("hint", ""),
                    statements=_statements(each["statements"]),
                )
                for each in raw["sections"]
            ),
            for_your_wording=_statements(raw["for_your_wording"]),
            omissions=tuple(
                Omission(kind=each["kind"], text=each["text"], evidence=tuple(each["evidence"]))
                for each in raw["omissions"]
            ),
            drafter=raw.get("drafter", ""),
            prompt_version=raw.get("prompt_version", ""),
            unplaced=_statements(raw.get("unplaced", ())),
            left_out=_statements(raw.get("left_out", ())),
        )
    except (AttributeError, KeyError, TypeError):
        raise BadInput("not_a_summary", "The summary is not in the shape that Chartside writes.") from None


def _statements(items: Iterable[Mapping[str, Any]]) -> tuple[Statement, ...]:
    return tuple(
        Statement(
            id=each["id"],
            text=each["text"],
            evidence=tuple(each["evidence"]),
            verdict=each["verdict"],
            why=each.get("why", ""),
            part=each.get("part", ""),
            place=each.get("place", 0),
        )
        for each in items
    )
