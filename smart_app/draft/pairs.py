"""Risk told in ordinary words: no word of it is risk by itself, several together are (`cues/risk.toml`)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """Words that have to stand in one sentence, and everyday words beside which they mean nothing."""

    of: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None

    def is_in(self, text: str) -> bool:
        """Say whether the text has words of every family and none of the everyday ones."""
        for family in self.of:
            if family.search(text) is None:
                return False
        return self.unless is None or self.unless.search(text) is None


def rules(families: Mapping[str, re.Pattern[str]], told: Iterable[Mapping[str, Any]]) -> tuple[Told, ...]:
    """Return the rules of the file; raises KeyError where one names a family that the file lacks."""
    return tuple(
        Told(
            of=tuple(families[name] for name in rule["of"]),
            unless=families[rule["unless"]] if "unless" in rule else None,
        )
        for rule in told
    )
