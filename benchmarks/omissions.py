"""How many planted facts a draft without them is offered, and how many offers real dialogues get anyway.

    python -m benchmarks.omissions --data DATA [--out omissions.json]

Each phrasing of `planted.toml` is filled in up to four ways and put into a real dialogue; the draft is the built-in one
of the dialogue without it. Every second phrasing is held out: no cue was made for it.
"""

import argparse
import dataclasses
import itertools
import json
import random
import statistics
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.omissions import omissions
from smart_app.ports import Section, Summary, Transcript, Utterance

SEED = 5
FILLINGS = 4
DIALOGUES = 12
"""Into how many dialogues the sentences are planted in turn."""
_SPEAKERS = {"C": "clinician", "P": "client"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Turns that say something which must not be missed; `kind` is the kind of its offer."""

    kind: str
    turns: tuple[tuple[str, str], ...]
    is_held_out: bool


def _filled(phrasing: str, fillings: Mapping[str, list[str]], rng: random.Random) -> str:
    for slot, words in fillings.items():
        phrasing = phrasing.replace(f"{{{slot}}}", rng.choice(words))
    return phrasing


def planted(rng: random.Random) -> Iterator[Planted]:
    """Yield every phrasing, filled in up to FILLINGS ways, none twice."""
    raw = tomllib.loads(Path(__file__).with_name("planted.toml").read_text(encoding="utf-8"))
    for kind, phrasings in raw["plant"].items():
        for number, phrasing in enumerate(phrasings):
            filled = dict.fromkeys(_filled(phrasing, raw["fill"], rng) for _ in range(FILLINGS))
            for text in filled:
                turns = tuple((_SPEAKERS[t.strip()[0]], t.strip()[2:].strip()) for t in text.split("|"))
                yield Planted(kind=kind, turns=turns, is_held_out=number % 2 == 1)


def _breaks(transcript: Transcript) -> list[int]:
    """Return the places where nobody is in the middle of a sentence."""
    unfinished: dict[str, bool] = {}
    out: list[int] = []
    for at, line in enumerate(transcript.utterances):
        if at > len(transcript.utterances) // 4 and not any(unfinished.values()):
            out.append(at)
        unfinished[line.speaker] = not line.text.rstrip().endswith((".", "?", "!"))
    return out


def put_into(transcript: Transcript, plant: Planted, at: int) -> Transcript:
    """Return the transcript with the turns before the utterance at this place."""
    before = transcript.utterances[at - 1]
    turns = tuple(
        Utterance(id=f"planted{n}", speaker=speaker, start_s=before.end_s, end_s=before.end_s, text=text)
        for n, (speaker, text) in enumerate(plant.turns)
    )
    lines = (*transcript.utterances[:at], *turns, *transcript.utterances[at:])
    return dataclasses.replace(transcript, utterances=lines)


def is_offered(transcript: Transcript, sections: tuple[Section, ...]) -> bool:
    """Say whether an offer rests on a planted turn."""
    return any(i.startswith("planted") for o in omissions(transcript, sections) for i in o.evidence)


def dialogues(data: Path) -> dict[str, Transcript]:
    """Return real dialogues of both collections and the therapy call."""
    primock = json.loads((data / "eval" / "primock57.json").read_text(encoding="utf-8"))
    aci = json.loads((data / "eval" / "aci_bench.json").read_text(encoding="utf-8"))
    chosen = [*primock[::4], *aci[:: len(aci) // 8]]
    call = json.loads((data / "audio" / "therapy_call.json").read_text(encoding="utf-8"))
    return {
        "therapy_call": transcript_from_json({"turns": call["segments"]}),
        **{d["id"]: transcript_from_json(d) for d in chosen},
    }


def drafts(transcripts: Mapping[str, Transcript]) -> dict[str, Summary]:
    """Return the built-in drafts; a dialogue with too little in it is left out."""
    drafter = BuiltinDrafter()
    made = {name: drafter.draft(transcript) for name, transcript in transcripts.items()}
    return {name: summary for name, summary in made.items() if isinstance(summary, Summary)}


def _percent(flags: list[bool]) -> float:
    return round(100 * sum(flags) / len(flags), 1)


def figures(data: Path) -> dict[str, Any]:
    """Return the share of planted sentences that are offered, per kind and half, and the offers without planting."""
    rng = random.Random(SEED)
    transcripts = dialogues(data)
    summaries = drafts(transcripts)
    hosts = itertools.cycle([name for name in sorted(summaries) if _breaks(transcripts[name])][:DIALOGUES])
    found: list[tuple[Planted, bool]] = []
    for plant in planted(rng):
        host = next(hosts)
        transcript = put_into(transcripts[host], plant, rng.choice(_breaks(transcripts[host])))
        found.append((plant, is_offered(transcript, summaries[host].sections)))
    offers = [len(s.omissions) for s in summaries.values()]
    return {
        "planted": len(found),
        "offered_percent": _percent([ok for _, ok in found]),
        "held_out_offered_percent": _percent([ok for p, ok in found if p.is_held_out]),
        "by_kind_held_out_percent": {
            kind: _percent([ok for p, ok in found if p.kind == kind and p.is_held_out])
            for kind in dict.fromkeys(p.kind for p, _ in found)
        },
        "missed_of_the_half_that_cues_were_made_for": sorted(
            {t for p, ok in found if not ok and not p.is_held_out for _, t in p.turns}
        ),
        "sessions": len(offers),
        "offers_per_session_median": statistics.median(offers),
        "offers_per_session_mean": round(statistics.mean(offers), 1),
        "offers_per_session_most": max(offers),
        "sessions_with_more_than_five": sum(n > 5 for n in offers),
    }


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    text = json.dumps(figures(args.data), indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
