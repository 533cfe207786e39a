"""The table of the long trials in docs/testing.md."""

from pathlib import Path

from tests.trust import campaigns
from tests.trust.figures import Figure

RAN = Figure(
    row="G09", what="x", got=0, goal=0, is_met=True, campaign="gate", took_s=300.0, at="2026-11-23T10:00:00", code="abc"
)


def test_each_campaign_has_its_command_what_it_is_and_how_long_it_took(tmp_path: Path) -> None:
    """From its own first sentence and its last figures; a helper without `main` is none."""
    (tmp_path / "gate.py").write_text('"""The gate,\nlong."""\n\ndef main() -> int:\n    """Run."""\n    return 0\n')
    (tmp_path / "helper.py").write_text('"""Helps."""\n')
    page = tmp_path / "testing.md"
    page.write_text("before\n<!-- campaigns: written by make trust -->\nold\n<!-- end of campaigns -->\nafter\n")
    found = campaigns.campaigns([RAN], tmp_path)
    campaigns.write(found, page)
    campaigns.write(found, page)
    text = page.read_text()
    assert "| `make campaign-gate` | The gate, long. | G09 | 5 min | 2026-11-23, abc |" in text
    assert (text.startswith("before\n"), text.endswith("after\n"), "old" in text, "helper" in text) == (
        True,
        True,
        False,
        False,
    )
    assert "not run here" in campaigns.table(campaigns.campaigns([], tmp_path))


def test_every_campaign_stands_in_the_testing_document() -> None:
    """A new one is written there by `make trust`."""
    text = campaigns.PAGE.read_text()
    missing = [each.name for each in campaigns.campaigns([]) if f"`make campaign-{each.name}`" not in text]
    assert missing == [], "run `make trust`"
