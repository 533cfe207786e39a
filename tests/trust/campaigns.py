"""The long trials: what each is, its command, and how long it took when it last ran; written into docs/testing.md."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.trust.figures import ROOT, Figure

FOLDER = ROOT / "tests" / "campaigns"
PAGE = ROOT / "docs" / "testing.md"
_BEGIN, _END = "<!-- campaigns: written by make trust -->\n", "<!-- end of campaigns -->\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One long trial."""

    name: str
    what: str
    figures: tuple[Figure, ...]
    """Of its last run; empty where it never ran here."""

    @property
    def rows(self) -> str:
        """Return the rows that it gave figures for."""
        return ", ".join(sorted({each.row for each in self.figures})) or "-"

    @property
    def took(self) -> str:
        """Return how long the last run was, in words."""
        took_s = max((each.took_s or 0 for each in self.figures), default=0)
        if not took_s:
            return "not noted" if self.figures else "not run here"
        return f"{took_s:.0f} s" if took_s < 120 else f"{took_s / 60:.0f} min"

    @property
    def ran(self) -> str:
        """Return date and code of the last run."""
        last = max(self.figures, key=lambda each: each.at, default=None)
        return f"{last.at[:10]}, {last.code}" if last else "-"


def campaigns(figures: Iterable[Figure], folder: Path = FOLDER) -> list[Campaign]:
    """Return every module of the folder that has a `main`, with the first sentence that it says of itself."""
    kept, found = list(figures), []
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            continue
        said = " ".join((ast.get_docstring(tree) or path.stem).partition("\n\n")[0].split())
        of_it = tuple(each for each in kept if each.campaign == path.stem and each.test is None)
        found.append(Campaign(name=path.stem, what=said, figures=of_it))
    return found


def table(every: Iterable[Campaign]) -> str:
    """Return them as a table of Markdown."""
    lines = ["| command | what | figures for | took | last run |", "|---|---|---|---|---|"]
    for each in every:
        what = each.what.replace("|", "/")
        lines.append(f"| `make campaign-{each.name}` | {what} | {each.rows} | {each.took} | {each.ran} |")
    return "\n".join(lines) + "\n"


def write(every: Iterable[Campaign], page: Path = PAGE) -> None:
    """Put the table into docs/testing.md, between its two marks."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(before + _BEGIN + "\n" + table(every) + "\n" + _END + after, encoding="utf-8")
