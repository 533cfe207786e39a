"""The slot file and the vaults: what is destroyed is gone, and nothing else is."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_app.errors import VaultError
from smart_app.ports import Vault
from smart_app.recording.keyslots import SLOT_BYTES, SLOTS_PER_GROWTH, KeySlots
from smart_app.recording.vault import SlotVault
from tests.fakes.vault import FakeVault

MASTER = b"m" * 32
WRAPPED = slice(13, 13 + 12 + 48)


@pytest.fixture(params=["slots", "fake"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    """The slot file's vault and its double: one contract."""
    return SlotVault(KeySlots(tmp_path / "slots.bin", MASTER)) if request.param == "slots" else FakeVault()


def test_it_opens_what_it_sealed(vault: Vault) -> None:
    """Same key, same name: the same bytes; sealing twice gives other bytes (random nonce)."""
    slot = vault.new_key("rec")
    first, second = (vault.seal(slot, b"voice", aad="a") for _ in range(2))
    assert first != second
    assert b"voice" not in first
    assert vault.open(slot, first, aad="a") == vault.open(slot, second, aad="a") == b"voice"


@pytest.mark.req("B03")
def test_it_refuses_another_name_another_key_and_every_changed_bit(vault: Vault) -> None:
    """The name is bound in; any flipped bit, a cut blob and a foreign key are refused."""
    slot, other = vault.new_key("one"), vault.new_key("two")
    sealed = vault.seal(slot, b"voice", aad="a")
    changed = [bytes(byte ^ (1 << bit) if at == n else byte for at, byte in enumerate(sealed))
               for n in range(len(sealed)) for bit in range(8)]  # fmt: skip
    for wrong in (*changed, sealed[:-1], b""):
        with pytest.raises(VaultError):
            vault.open(slot, wrong, aad="a")
    for key, aad in ((slot, "b"), (other, "a")):
        with pytest.raises(VaultError):
            vault.open(key, sealed, aad=aad)


@pytest.mark.req("B03")
def test_a_destroyed_key_opens_and_seals_nothing_and_destroying_repeats(vault: Vault) -> None:
    """Destroying twice is safe, also when the slot serves a new key by then."""
    slot, kept = vault.new_key("gone"), vault.new_key("kept")
    sealed, still = vault.seal(slot, b"voice", aad="a"), vault.seal(kept, b"text", aad="a")
    vault.destroy(slot)
    fresh = vault.new_key("next")
    assert fresh != slot
    vault.destroy(slot)
    vault.destroy(999)
    with pytest.raises(VaultError) as refused:
        vault.open(slot, sealed, aad="a")
    assert refused.value.code == "key_destroyed"
    with pytest.raises(VaultError):
        vault.seal(slot, b"voice", aad="a")
    assert vault.open(kept, still, aad="a") == b"text"
    assert vault.open(fresh, vault.seal(fresh, b"x", aad="a"), aad="a") == b"x"


def _index(number: int) -> int:
    return number & 0xFFFFF


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.one_of(st.none(), st.integers(0, 200)), max_size=40))
@pytest.mark.req("B03")
def test_no_destroyed_keys_bytes_are_in_the_file(tmp_path: Path, moves: list[int | None]) -> None:
    """Any order of making and destroying: live keys read back, destroyed ones have left no byte of theirs."""
    path = tmp_path / f"{os.urandom(4).hex()}.bin"
    slots, live, dead = KeySlots(path, MASTER), dict[int, bytes](), list[bytes]()
    for move in moves:
        if move is None or not live:
            number = slots.make("x")
            assert number not in live
            live[number] = slots.get(number)
        else:
            number = sorted(live)[move % len(live)]
            at = _index(number) * SLOT_BYTES
            dead.append(path.read_bytes()[at : at + SLOT_BYTES][WRAPPED])
            slots.destroy(number)
            del live[number]
    whole = path.read_bytes() if path.exists() else b""
    assert len(whole) % (SLOT_BYTES * SLOTS_PER_GROWTH) == 0
    assert not any(wrapped in whole or wrapped[12:] in whole for wrapped in dead)
    assert {number: slots.get(number) for number in live} == live
    assert not any(key in whole for key in live.values())


def test_it_grows_by_preallocation_and_uses_a_slot_again_only_after_it_was_destroyed(tmp_path: Path) -> None:
    """64 slots at a time; the file does not grow while a destroyed slot is free."""
    path = tmp_path / "slots.bin"
    slots = KeySlots(path, MASTER)
    numbers = [slots.make("x") for _ in range(SLOTS_PER_GROWTH)]
    assert path.stat().st_size == SLOT_BYTES * SLOTS_PER_GROWTH
    assert len({_index(number) for number in numbers}) == SLOTS_PER_GROWTH
    slots.destroy(numbers[7])
    again = slots.make("y")
    assert (_index(again), path.stat().st_size) == (_index(numbers[7]), SLOT_BYTES * SLOTS_PER_GROWTH)
    assert slots.make("z") not in numbers
    assert path.stat().st_size == 2 * SLOT_BYTES * SLOTS_PER_GROWTH
    assert all(0 <= number < 2**31 for number in (*numbers, again))


def test_a_torn_slot_is_never_used_again_and_can_be_destroyed(tmp_path: Path) -> None:
    """A crash in mid-write loses that key alone; the rest of the file works on."""
    path = tmp_path / "slots.bin"
    slots = KeySlots(path, MASTER)
    torn, kept = slots.make("torn"), slots.make("kept")
    key = slots.get(kept)
    with open(path, "r+b") as file:
        file.seek(_index(torn) * SLOT_BYTES)
        file.write(os.urandom(200))
    with pytest.raises(VaultError):
        slots.get(torn)
    slots.destroy(torn)
    assert _index(slots.make("next")) not in (_index(torn), _index(kept))
    assert slots.get(kept) == key


def test_a_crash_in_mid_growth_leaves_a_file_that_works(tmp_path: Path) -> None:
    """A part of a slot at the end is overwritten by the next growth."""
    path = tmp_path / "slots.bin"
    slots = KeySlots(path, MASTER)
    numbers = [slots.make("x") for _ in range(SLOTS_PER_GROWTH)]
    with open(path, "ab") as file:
        file.write(b"half a slot")
    more = slots.make("y")
    assert more not in numbers
    assert len({slots.get(number) for number in (*numbers, more)}) == SLOTS_PER_GROWTH + 1


def test_another_master_key_reads_nothing(tmp_path: Path) -> None:
    """Keys are wrapped under the master key."""
    number = KeySlots(tmp_path / "slots.bin", MASTER).make("x")
    with pytest.raises(VaultError) as refused:
        KeySlots(tmp_path / "slots.bin", b"n" * 32).get(number)
    assert refused.value.code == "key_broken"


def test_threads_and_processes_get_slots_of_their_own(tmp_path: Path) -> None:
    """Two openers of the file, eight threads: no number is given twice."""
    openers = [KeySlots(tmp_path / "slots.bin", MASTER) for _ in range(2)]
    made: list[int] = []
    threads = [
        threading.Thread(target=lambda mine=openers[n % 2]: made.extend(mine.make("x") for _ in range(5)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 40
    assert len({openers[0].get(number) for number in made}) == 40
