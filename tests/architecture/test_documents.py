"""What the documents point to is there, and the guides call everything as the product does."""

import html
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("smart_app/**/*.html", "smart_app/**/js/*.mjs", "smart_app/**/*.py", "plugin/sandbox/**/*.html")
QUOTES = "[\"'`><]"


def _product_words() -> str:
    """Return everything that the product can say, each piece between quotes or tags, in single spaces."""
    text = "\n".join(path.read_text() for pattern in PRODUCT for path in sorted(ROOT.glob(pattern)))
    return re.sub(r"\s+", " ", html.unescape(text).replace('\\"', '"').replace("{{ app_name }}", "Chartside"))


def test_every_link_and_picture_of_the_documents_is_there() -> None:
    """A reader never meets a dead link inside the repository."""
    missing = []
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                missing.append(f"{page.name}: {target}")
    assert not missing


@pytest.mark.parametrize("name", ["clinician-guide", "client-guide", "visit"])
def test_the_guides_name_controls_and_messages_as_the_product_does(name: str) -> None:
    """What is bold is the whole name of something on a page; what is italic is said by a page, with … for names."""
    said = _product_words()
    text = re.sub(r"\s+", " ", (ROOT / "docs" / f"{name}.md").read_text())
    bold = set(re.findall(r"\*\*(.+?)\*\*", text))
    parts = {part.strip() for words in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text) for part in words.split("…")}
    unknown = {one for one in bold if not re.search(rf"{QUOTES}\s*{re.escape(one)}\s*{QUOTES}", said)}
    assert bold
    assert not unknown | {part for part in parts if part not in said}
