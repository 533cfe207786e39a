"""The multilingual model comes in two parts, is joined once, and only if it is the known one."""

import hashlib
from pathlib import Path

import pytest

from smart_app.errors import TranscriptFailed
from smart_app.transcript.base_model import joined

FILES = {"config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.txt": b"a\nb\n"}
WEIGHTS = (b"first half", b"second half")
SHA256 = {name: hashlib.sha256(body).hexdigest() for name, body in {**FILES, "model.bin": b"".join(WEIGHTS)}.items()}


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, ...]:
    """Two packages' data folders."""
    folders = (tmp_path / "one", tmp_path / "two")
    for number, (folder, half) in enumerate(zip(folders, WEIGHTS, strict=True), 1):
        folder.mkdir()
        (folder / f"model.bin.part{number}").write_bytes(half)
    for name, body in FILES.items():
        (folders[0] / name).write_bytes(body)
    return folders


def test_the_parts_become_one_folder_once(tmp_path: Path, parts: tuple[Path, ...]) -> None:
    """The folder holds what a model folder holds; the second use needs no parts."""
    folder = joined(tmp_path / "cache", parts=parts, sha256=SHA256)
    assert (folder / "model.bin").read_bytes() == b"first halfsecond half"
    assert {path.name for path in folder.iterdir()} == {*FILES, "model.bin"}
    assert joined(tmp_path / "cache", parts=(tmp_path / "gone", tmp_path / "gone"), sha256=SHA256) == folder
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


@pytest.mark.parametrize("name", ["model.bin.part1", "tokenizer.json"])
def test_another_model_is_refused(tmp_path: Path, parts: tuple[Path, ...], name: str) -> None:
    """A changed file leaves no folder behind, so that the next try looks again."""
    (parts[0] / name).write_bytes(b"something else")
    with pytest.raises(TranscriptFailed) as failed:
        joined(tmp_path / "cache", parts=parts, sha256=SHA256)
    assert failed.value.permanent
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_the_packages_it_says_what_to_install(tmp_path: Path) -> None:
    """Half a model is none."""
    with pytest.raises(TranscriptFailed) as failed:
        joined(tmp_path, parts=())
    assert "speech-base" in failed.value.todo
