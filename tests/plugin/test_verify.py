"""`chartside verify`: anybody with a receipt can check it, and a list shows what is missing."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.plugin.conftest import Run

KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


def signed(body: dict[str, Any]) -> dict[str, Any]:
    """Return a row of an export."""
    raw = rfc8785.dumps(body)
    return {"body": raw.decode(), "signature": base64.b64encode(KEY.sign(raw)).decode()}


def hash_of(row: dict[str, Any]) -> str:
    """Return what the next receipt names."""
    return hashlib.sha256(row["body"].encode()).hexdigest()


def receipts(count: int = 3, *, has_head: bool = True) -> list[dict[str, Any]]:
    """Return a good chain, as an export holds it: the last is a withdrawal's, then comes the end's statement."""
    made: list[dict[str, Any]] = []
    previous = "0" * 64
    for number in range(1, count + 1):
        opening: dict[str, Any] = {"number": number, "key": f"slot-{number}", "salt": "ab" * 32}
        body: dict[str, Any] = {"version": "chartside.receipt/2", "id": f"r{number}", "previous": previous}
        body |= {"place": hashlib.sha256(rfc8785.dumps(opening)).hexdigest(), "signed_by": PUBLIC}
        body |= {"kind": "erasure", "recording": "x", "audit_head": "0" * 64}
        if number == count:
            body |= {"kind": "withdrawal", "consent": "c1", "withdrawn_at": "2026-11-22T06:00:00+00:00"}
        row = signed(body) | {"opening": opening}
        previous = hash_of(row)
        made.append(row)
    if has_head:
        body = {"version": "chartside.receipt/2", "kind": "head", "count": count, "head": previous}
        made.append(signed(body | {"signed_by": PUBLIC}))
    return made


def edited(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a row with other words in its body."""
    return {**row, "body": rfc8785.dumps({**json.loads(row["body"]), **changes}).decode()}


def resigned(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a row that somebody with the clinic's key signed again."""
    return {**row, **signed(json.loads(edited(row, **changes)["body"]))}


def old_receipts(count: int = 2) -> list[dict[str, Any]]:
    """Return a chain of version 1, whose bodies hold their numbers."""
    made: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        previous = hash_of(made[-1]) if made else "0" * 64
        body = {"number": number, "id": f"r{number}", "recording": "x", "previous": previous, "signed_by": PUBLIC}
        made.append(signed(body))
    return made


def trail(count: int = 3, **details: dict[str, str]) -> list[dict[str, Any]]:
    """Return good lines of an audit trail; `details` by line, as l2={"receipt": "r1"}."""
    made: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        detail = details.get(f"l{number}", {})
        previous = made[-1]["hash"] if made else "0" * 64
        fields = [number, "2026-11-22T06:15:00+00:00", "server", "recording.erase", "s1", detail, previous]
        packed = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        names = ("number", "at", "actor", "action", "subject", "detail", "previous")
        made.append({**dict(zip(names, fields, strict=True)), "hash": hashlib.sha256(packed.encode()).hexdigest()})
    return made


def written(folder: Path, rows: list[dict[str, Any]], name: str = "receipts.jsonl") -> str:
    """Write an export."""
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.req("B03")
def test_a_good_chain_is_good(chartside: Run, tmp_path: Path) -> None:
    """With the clinic's key nothing is left to ask."""
    said = chartside("verify", written(tmp_path, receipts()), "--public-key", PUBLIC, "--json")
    assert (said.status, said.json["receipts"]) == (0, 3)
    assert {one["code"] for one in said.json["findings"]} == {"signed"}


def test_a_client_s_own_receipt_can_be_checked_alone(chartside: Run, tmp_path: Path) -> None:
    """As the client's page shows it: the body as an object; the key is named for comparison."""
    path = tmp_path / "mine.json"
    row = receipts()[1]
    path.write_text(json.dumps({"body": json.loads(row["body"]), "signature": row["signature"]}))
    assert "is genuine" in chartside("verify", str(path), "--public-key", PUBLIC).out
    said = chartside("verify", str(path))
    assert said.status == 1, "anybody can sign with a key of their own"
    assert "unchanged since somebody signed it" in said.out
    assert "genuine" not in said.out
    assert "key_unknown" in {one["code"] for one in chartside("verify", str(path), "--json").json["findings"]}
    assert PUBLIC in said.out.replace("\n", "").replace(" ", "").replace("│", "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda rows: [rows[0], *rows[2:]], "broken_chain"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "broken_chain"),
        (lambda rows: rows[1:], "broken_chain"),
        (lambda rows: [*rows[:2], rows[3]], "cut"),
        (lambda rows: [edited(rows[0], recording="y"), *rows[1:]], "bad_signature"),
        (lambda rows: [*rows[:2], edited(rows[2], consent="c2"), rows[3]], "bad_signature"),
        (lambda rows: [resigned(rows[0], recording="y"), *rows[1:]], "broken_chain"),
        (lambda rows: [*rows[:2], resigned(rows[2], consent="c2"), rows[3]], "cut"),
        (lambda rows: [{**rows[0], "signature": rows[1]["signature"]}, *rows[1:]], "bad_signature"),
        (lambda rows: [{**rows[0], "signature": "no base64"}, *rows[1:]], "bad_signature"),
        (lambda rows: [*rows[:3], edited(rows[3], count=2)], "bad_signature"),
        (lambda rows: [{**rows[0], "opening": {**rows[0]["opening"], "key": "slot-9"}}, *rows[1:]], "bad_opening"),
    ],
)
@pytest.mark.req("B03")
def test_every_change_of_a_list_is_found(chartside: Run, tmp_path: Path, change: Any, code: str) -> None:
    """Dropped, reordered, edited, signed by another."""
    said = chartside("verify", written(tmp_path, change(receipts())), "--public-key", PUBLIC, "--json")
    assert said.status == 1
    assert code in {one["code"] for one in said.json["findings"]}


def test_a_client_s_receipts_may_have_those_of_others_between_them(chartside: Run, tmp_path: Path) -> None:
    """That is no fault of theirs."""
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([receipts()[0], receipts()[2]]))
    said = chartside("verify", str(path), "--public-key", PUBLIC, "--json")
    assert said.status == 0
    assert "gap" in {one["code"] for one in said.json["findings"]}


def test_another_s_key_is_found(chartside: Run, tmp_path: Path) -> None:
    """A forger can sign, but not with the clinic's key."""
    other = base64.b64encode(b"o" * 32).decode()
    (tmp_path / "key.txt").write_text(other + "\n")
    said = chartside("verify", written(tmp_path, receipts()), "--public-key", str(tmp_path / "key.txt"), "--json")
    assert said.status == 1
    assert {one["code"] for one in said.json["findings"]} == {"other_key"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{}",
        "nonsense",
        '[{"body": 5, "signature": ""}]',
        '[{"body": {"number": "1"}, "signature": ""}]',
        '"text"',
    ],
)
def test_a_file_without_receipts_is_status_2(chartside: Run, tmp_path: Path, content: str | None) -> None:
    """In words, without a traceback."""
    path = tmp_path / "receipts.json"
    if content is not None:
        path.write_text(content)
    said = chartside("verify", str(path), "--json")
    assert (said.status, said.json["error"]["code"]) == (2, "no_receipts")


@pytest.mark.parametrize(("name", "content"), [("receipts.jsonl", ""), ("mine.json", "[]")])
@pytest.mark.req("B03")
def test_an_empty_list_is_said_to_be_empty(chartside: Run, tmp_path: Path, name: str, content: str) -> None:
    """An export of a site that erased nothing is no fault; nor is it told as a proof of anything."""
    path = tmp_path / name
    path.write_text(content)
    said = chartside("verify", str(path))
    assert said.status == 0
    assert "empty list" in said.out
    assert "genuine" not in said.out
    told = chartside("verify", str(path), "--json").json
    assert (told["exit"], told["receipts"], told["findings"][0]["code"]) == (0, 0, "empty")


@pytest.mark.req("B03")
@pytest.mark.parametrize("count", [1, 300])
def test_a_chain_of_any_length_is_good_and_its_missing_end_is_found(chartside: Run, tmp_path: Path, count: int) -> None:
    """The clinic's signed statement of the end tells how many there were."""
    rows = receipts(count)
    said = chartside("verify", written(tmp_path, rows), "--public-key", PUBLIC, "--json")
    assert (said.status, said.json["receipts"]) == (0, count)
    said = chartside("verify", written(tmp_path, [*rows[:-2], rows[-1]]), "--public-key", PUBLIC, "--json")
    assert (said.status, "cut" in {one["code"] for one in said.json["findings"]}) == (1, True)


@pytest.mark.req("B03")
def test_without_the_statement_it_says_what_it_cannot_know(chartside: Run, tmp_path: Path) -> None:
    """A list without its end's statement is no proof that the newest are there."""
    said = chartside("verify", written(tmp_path, receipts(has_head=False)), "--public-key", PUBLIC)
    assert said.status == 0
    assert "cannot show whether the newest are missing" in " ".join(said.out.replace("│", " ").split())


@pytest.mark.req("B03")
def test_receipts_of_version_1_and_what_pages_gave_then_are_read(chartside: Run, tmp_path: Path) -> None:
    """Body and signature in one object, and a chain whose bodies hold their numbers; a chain may go over into 2."""
    row = old_receipts()[0]
    path = tmp_path / "receipt-1.json"
    path.write_text(json.dumps({**json.loads(row["body"]), "signature": row["signature"]}))
    assert chartside("verify", str(path), "--public-key", PUBLIC).status == 0
    assert chartside("verify", written(tmp_path, old_receipts()), "--public-key", PUBLIC).status == 0
    said = chartside("verify", written(tmp_path, old_receipts(3)[::2]), "--public-key", PUBLIC, "--json")
    assert (said.status, "broken_chain" in {one["code"] for one in said.json["findings"]}) == (1, True)


@pytest.mark.req("B03", "T12")
def test_receipts_and_trail_are_held_against_each_other(chartside: Run, tmp_path: Path) -> None:
    """The trail tells of each receipt, so that a cut list shows; a receipt's head shows a trail computed anew."""
    kept = written(tmp_path, receipts(has_head=False))
    whole = written(tmp_path, trail(l1={"receipt": "r1"}, l2={"receipt": "r2"}, l3={"receipt": "r3"}), "audit.jsonl")
    assert chartside("verify", kept, "--audit", whole, "--public-key", PUBLIC).status == 0
    written(tmp_path, receipts(has_head=False)[:2])
    said = chartside("verify", kept, "--audit", whole, "--public-key", PUBLIC, "--json")
    assert (said.status, "cut" in {one["code"] for one in said.json["findings"]}) == (1, True)
    written(tmp_path, [resigned(receipts(1, has_head=False)[0], audit_head="a" * 64)])
    other = written(tmp_path, trail(1), "other.jsonl")
    said = chartside("verify", kept, "--audit", other, "--public-key", PUBLIC, "--json")
    assert (said.status, "not_in_trail" in {one["code"] for one in said.json["findings"]}) == (1, True)


@pytest.mark.req("T12", "G19")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda rows: rows, "chain"),
        (lambda rows: rows[1:], "chain"),
        (lambda rows: [rows[0], rows[2]], "missing"),
        (lambda rows: [rows[1], rows[0], rows[2]], "missing"),
        (lambda rows: [rows[0], {**rows[1], "actor": "x"}, rows[2]], "edited"),
        (lambda rows: [rows[0], {**rows[1], "previous": "0" * 64}, rows[2]], "edited"),
        (lambda rows: [trail(1, l1={"a": "b"})[0], *rows[1:]], "broken"),
    ],
)
def test_a_file_of_the_trail_is_checked(chartside: Run, tmp_path: Path, change: Any, code: str) -> None:
    """An archive or an export; a later part of a trail is a chain too."""
    said = chartside("verify", written(tmp_path, change(trail()), "audit.jsonl"), "--json")
    assert said.status == (0 if code == "chain" else 1)
    assert code in {one["code"] for one in said.json["findings"]}
