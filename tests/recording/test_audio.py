"""The chunk files: bound to their names, written whole or not at all, removed for good."""

import itertools
from pathlib import Path

import pytest

from smart_app.errors import VaultError
from smart_app.recording.audio import AudioStore, ChunkName
from tests.fakes.vault import FakeVault


@pytest.fixture
def vault() -> FakeVault:
    """Keys in memory."""
    return FakeVault()


@pytest.fixture
def audio(tmp_path: Path, vault: FakeVault) -> AudioStore:
    """An empty store."""
    return AudioStore(tmp_path / "audio", vault)


@pytest.mark.req("B03")
def test_a_chunk_cannot_stand_in_for_another(audio: AudioStore, vault: FakeVault) -> None:
    """Recording, track, run, number and last flag are bound in: every swap is refused."""
    slot = vault.new_key("rec")
    names = [
        ChunkName(recording_id=recording, track_id=track, run=run, number=number)
        for recording, track, run, number in itertools.product("RS", "tu", (0, 1), (0, 1, 2))
    ]
    paths = {name: audio.write(slot, name, str(name).encode()).path for name in names}
    refused = 0
    for asked, stored in itertools.product(names, names):
        if asked == stored:
            assert audio.read(slot, asked, paths[stored]) == str(asked).encode()
            continue
        with pytest.raises(VaultError):
            audio.read(slot, asked, paths[stored])
        refused += 1
    assert refused == len(names) * (len(names) - 1)


@pytest.mark.req("B03")
def test_a_false_last_flag_is_refused(audio: AudioStore, vault: FakeVault, tmp_path: Path) -> None:
    """The flag in the file is bound in as well."""
    slot = vault.new_key("rec")
    name = ChunkName(recording_id="R", track_id="t", run=0, number=0)
    path = tmp_path / "audio" / audio.write(slot, name, b"voice").path
    path.write_bytes(b"\x01" + path.read_bytes()[1:])
    with pytest.raises(VaultError):
        audio.read(slot, name, str(path.relative_to(tmp_path / "audio")))


def test_a_last_chunk_reads_back(audio: AudioStore, vault: FakeVault) -> None:
    """Whoever reads need not know whether it was the last."""
    slot = vault.new_key("rec")
    written = audio.write(slot, ChunkName(recording_id="R", track_id="t", run=0, number=9, is_last=True), b"end")
    assert audio.read(slot, ChunkName(recording_id="R", track_id="t", run=0, number=9), written.path) == b"end"


def test_nothing_is_left_when_writing_fails(audio: AudioStore, vault: FakeVault, tmp_path: Path) -> None:
    """A destroyed key or a folder that cannot be written leaves no file, whole or partial."""
    name = ChunkName(recording_id="R", track_id="t", run=0, number=0)
    with pytest.raises(VaultError):
        audio.write(77, name, b"voice")
    (tmp_path / "audio" / "R").write_text("in the way")
    with pytest.raises(OSError, match="R"):
        audio.write(vault.new_key("rec"), name, b"voice")
    assert [path for path in (tmp_path / "audio").rglob("*") if path.is_file()] == [tmp_path / "audio" / "R"]


def test_it_removes_a_recording_whole_and_again(audio: AudioStore, vault: FakeVault, tmp_path: Path) -> None:
    """Chunks and the browser's key; a repeat does nothing."""
    slot = vault.new_key("rec")
    for number in range(3):
        audio.write(slot, ChunkName(recording_id="R", track_id="t", run=0, number=number), b"voice")
    assert audio.browser_key(slot, "R") == audio.browser_key(slot, "R")
    assert len(list(audio.files("R"))) == 3
    audio.unlink_recording("R")
    audio.unlink_recording("R")
    assert audio.recordings() == []
    assert list((tmp_path / "audio").rglob("*")) == []
