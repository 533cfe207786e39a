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


def receipts(count: int = 3) -> list[dict[str, Any]]:
    """Return a good chain, as an export holds it."""
    made: list[dict[str, Any]] = []
    previous = "0" * 64
    for number in range(1, count + 1):
        body = {"number": number, "id": f"r{number}", "recording": "x", "previous": previous, "signed_by": PUBLIC}
        raw = rfc8785.dumps(body)
        previous = hashlib.sha256(raw).hexdigest()
        made.append({"body": raw.decode(), "signature": base64.b64encode(KEY.sign(raw)).decode(), "hash": previous})
    return made


def written(folder: Path, rows: list[dict[str, Any]]) -> str:
    """Write an export."""
    path = folder / "receipts.jsonl"
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
    path.write_text(
        json.dumps({"id": "r2", "number": 2, "body": json.loads(row["body"]), "signature": row["signature"]})
    )
    said = chartside("verify", str(path))
    assert said.status == 0
    assert "is genuine" in said.out
    assert PUBLIC in said.out.replace("\n", "").replace(" ", "").replace("│", "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda rows: [rows[0], rows[2]], "broken_chain"),
        (lambda rows: [rows[1], rows[0], rows[2]], "broken_chain"),
        (lambda rows: rows[1:], "broken_chain"),
        (lambda rows: [{**rows[0], "body": rows[0]["body"].replace('"x"', '"y"')}, *rows[1:]], "bad_signature"),
        (lambda rows: [{**rows[0], "signature": rows[1]["signature"]}, *rows[1:]], "bad_signature"),
        (lambda rows: [{**rows[0], "signature": "no base64"}, *rows[1:]], "bad_signature"),
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
