"""What is run once more after a failure, and what is not."""

import json
from pathlib import Path

import pytest

from tests import again, rows


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, with one file that passes when it is run again and one that never does."""
    monkeypatch.setattr(rows, "ROOT", tmp_path)
    monkeypatch.setattr(rows, "FAILED", tmp_path / "failed.json")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_once.py").write_text("def test_it(): pass\n")
    (tmp_path / "test_never.py").write_text("def test_it(): raise OSError\n")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "is_good"),
    [
        (["test_once.py"], True),
        (["test_once.py", "test_never.py"], False),
        ([f"test_{n}.py" for n in range(again.MOST_FILES + 1)], False),
        ([], False),
    ],
)
def test_what_fails_twice_has_failed(root: Path, files: list[str], is_good: bool) -> None:
    """A second failure counts, and so do many files, and a run of which no failure is known."""
    rows.FAILED.write_text(json.dumps({"files": files}))
    assert (again.main() == 0) is is_good


def test_a_run_that_broke_off_is_not_tried_again(root: Path) -> None:
    """Without a record of what failed nothing can be said to pass."""
    assert again.main() == 1
