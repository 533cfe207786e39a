"""What the documents point to is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_link_and_picture_of_the_documents_is_there() -> None:
    """A reader never meets a dead link inside the repository."""
    missing = []
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                missing.append(f"{page.name}: {target}")
    assert not missing
