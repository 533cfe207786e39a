"""The written order of fall-backs: the adapters act on it, and the documents show it as it is."""

from pathlib import Path

import pytest

from fhir_mappings import ways

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def table() -> str:
    """Return the order as the page shows it: a row a step, each adapter's ways, best first."""
    lines = ["| step | `fhir_r4` | `openemr` | `openemr_module` |", "|---|---|---|---|"]
    for step, of_adapter in ways.ORDER.items():
        cells = [
            ", ".join(dict.fromkeys(way.name for way in of_adapter[adapter]))
            for adapter in ("fhir_r4", "openemr", "openemr_module")
        ]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)


@pytest.mark.req("C06")
def test_the_page_shows_the_order_that_is_used() -> None:
    """Copied from the data; change both together."""
    assert table() in PAGE.read_text(encoding="utf-8"), table()
