"""Functions and files stay of a size that one can read (style, section 3)."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 80
LONGEST_FILE = 500


def sources() -> list[Path]:
    """Return every Python file of the product."""
    folders = ("fhir_mappings", "smart_app", "plugin")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]


def test_no_function_is_too_long() -> None:
    """The cure is a better noun, not a cut in the middle."""
    long = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long


def test_no_file_is_too_long() -> None:
    """A file holds one noun."""
    assert not [str(path) for path in sources() if len(path.read_text().splitlines()) > LONGEST_FILE]
