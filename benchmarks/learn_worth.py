"""How likely a word of a conversation comes back in its note: learns `smart_app/draft/cues/worth.json`.

    python -m benchmarks.learn_worth --data DATA

Learned from notes that clinicians wrote: ACI-Bench (train), MTS-Dialog and one half of PriMock57, all CC BY 4.0. The
other half of PriMock57 and ACI-Bench (valid) stay unseen, so that `benchmarks/draft.py` measures on what is new.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.halves import is_for_tuning
from smart_app.draft.stems import content

OUT = Path(__file__).parents[1] / "smart_app" / "draft" / "cues" / "worth.json"
LEAST_SEEN = 4
PRIOR = 4
"""So many imagined conversations, in which the word came back as often as the average word."""
SOURCE = (
    "Share of conversations in whose note a spoken word came back. Learned by benchmarks/learn_worth.py from ACI-Bench "
    "(Yim et al. 2023), MTS-Dialog (Ben Abacha et al. 2023) and one half of PriMock57 (Papadopoulos Korfiatis et al. "
    "2022), each CC BY 4.0."
)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _pairs(data: Path) -> Iterator[tuple[str, str]]:
    for visit in _read(data / "eval" / "aci_bench.json"):
        if visit["split"] == "train":
            yield " ".join(t["text"] for t in visit["turns"]), visit["reference_note"]
    for visit in _read(data / "eval" / "primock57.json"):
        if is_for_tuning(visit["id"]):
            yield " ".join(t["text"] for t in visit["turns"]), visit["reference_note"]
    for each in _read(data / "eval" / "mts_factuality.json"):
        yield each["dialogue"].replace("Doctor:", "").replace("Patient:", ""), each["reference"]


def main() -> None:
    """Learn and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    said, noted = Counter[str](), Counter[str]()
    for talk, note in _pairs(data):
        spoken = content(talk)
        said.update(spoken)
        noted.update(spoken & content(note))
    average = noted.total() / said.total()
    worth = {
        word: round((noted[word] + PRIOR * average) / (said[word] + PRIOR), 2)
        for word in sorted(said)
        if said[word] >= LEAST_SEEN and not word.isdigit()
    }
    OUT.write_text(json.dumps({"version": "1", "source": SOURCE, "worth": worth}, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
