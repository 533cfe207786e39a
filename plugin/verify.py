"""`chartside verify FILE`: check receipts of erasures: each signature, and the chain that shows a missing one."""

import argparse
import base64
import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plugin import findings, terminal
from plugin.failures import Exit, Failure
from plugin.findings import Finding, note, ok, problem, warning

EXAMPLES = (
    "chartside verify chartside-kept/receipts.jsonl --public-key chartside-kept/receipts-public-key.txt",
    "chartside verify my-receipt.json",
)
GENESIS = "0" * 64
_ASK = "Ask the clinic; somebody changed it after it was signed."
_CAUSES = {
    "signed": "because the note was signed",
    "after-drafting": "because the summary was ready",
    "deadline": "because its deadline had come",
    "withdrawn": "because somebody withdrew their consent",
    "closed": "because Chartside was uninstalled",
}


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "verify", help="check receipts of erasures", description=__doc__
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a receipt, a list of them, or receipts.jsonl")
    parser.add_argument("--public-key", metavar="KEY", help="the clinic's public key in base64, or a file with it")
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Say of each receipt whether it is as it was signed, and whether one is missing between them."""
    receipts = _read(asked.file)
    if not receipts:
        return _nothing(asked)
    key = _key(asked.public_key)
    found = [*_signatures(receipts, key), *_chain(receipts, is_whole=asked.file.suffix == ".jsonl")]
    if not key:
        signers = sorted({body.get("signed_by", "") for body, _ in receipts})
        what = f"Only the receipts themselves say whose key signed them: {' '.join(signers)}"
        todo = "Ask the clinic for its public key, and give it with --public-key."
        found.append(warning("key_unknown", what, todo))
    status = findings.status_of(found)
    if asked.json:
        told = [{"code": one.code, "mark": one.mark, "found": one.found} for one in found]
        terminal.write_json({"exit": int(status), "receipts": len(receipts), "findings": told})
    else:
        findings.show(findings.sorted_by_weight(found))
        terminal.say(_verdict(len(receipts), status))
    return status


def _nothing(asked: argparse.Namespace) -> int:
    words = (
        f"{asked.file} is an empty list: nothing had been erased when it was written, so there is nothing to check. If"
        " something had, this is not the whole list: ask the clinic for it."
    )
    if asked.json:
        told = [{"code": "empty", "mark": "note", "found": words}]
        terminal.write_json({"exit": int(Exit.OK), "receipts": 0, "findings": told})
    else:
        terminal.say(words)
    return Exit.OK


def _verdict(count: int, status: Exit) -> str:
    receipts = "1 receipt" if count == 1 else f"{count} receipts"
    if status is not Exit.OK:
        return f"Of {receipts} not all can be trusted; see above."
    return f"{receipts} looked at, nothing wrong."


def _read(path: Path) -> list[tuple[dict[str, Any], str]]:
    """Return body and signature of each receipt; an empty list has none. Raises Failure for a file that is no list."""
    try:
        text = path.read_text(encoding="utf-8")
        found = (
            [json.loads(line) for line in text.splitlines() if line] if path.suffix == ".jsonl" else json.loads(text)
        )
        rows = found if isinstance(found, list) else found.get("receipts", [found])
        receipts = [(_body(row["body"]), str(row["signature"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        todo = "Give a receipt as the client's page shows it, or receipts.jsonl of an export."
        raise Failure(Exit.USAGE, "no_receipts", f"{path} holds no receipts that can be read.", todo) from error
    return receipts


def _body(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or not isinstance(found.get("number"), int):
        raise TypeError("a receipt's body is an object with a number")
    return found


def _key(text: str | None) -> str:
    if not text:
        return ""
    path = Path(text)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else text


def _signatures(receipts: list[tuple[dict[str, Any], str]], key: str) -> Iterator[Finding]:
    for body, signature in receipts:
        name = f"Receipt {body.get('number')} ({body.get('id')})"
        if key and body.get("signed_by") != key:
            yield problem("other_key", f"{name} was signed with another key than the clinic's.", _ASK)
        elif not _is_signed(body, signature):
            yield problem("bad_signature", f"{name} does not fit its signature.", _ASK)
        else:
            yield ok("signed", f"{name} is genuine: {_erasure(body)}.")


def _erasure(body: dict[str, Any]) -> str:
    at = str(body.get("erased_at"))[:16].replace("T", " ")
    cause = str(body.get("cause"))
    return f"recording {body.get('recording')} was erased on {at} UTC {_CAUSES.get(cause, f'({cause})')}"


def _is_signed(body: dict[str, Any], signature: str) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(body["signed_by"], validate=True))
        public.verify(base64.b64decode(signature, validate=True), rfc8785.dumps(body))
    except (InvalidSignature, ValueError, KeyError, TypeError, rfc8785.CanonicalizationError):
        return False
    return True


def _chain(receipts: list[tuple[dict[str, Any], str]], *, is_whole: bool) -> Iterator[Finding]:
    """Yield what breaks the chain: each receipt names the hash of the one before it."""
    for (before, _), (after, _) in pairwise(receipts):
        numbers = f"receipts {before.get('number')} and {after.get('number')}"
        is_next = after["number"] == before["number"] + 1
        if is_next and after.get("previous") != hashlib.sha256(rfc8785.dumps(before)).hexdigest():
            yield problem("broken_chain", f"Between {numbers} the chain is broken: one of them was changed.", _ASK)
        elif not is_next and is_whole:
            yield problem("broken_chain", f"Between {numbers} one is missing, or they changed places.", _ASK)
        elif not is_next:
            yield note("gap", f"Between {numbers} there are others, of other people's recordings.")
    first = receipts[0][0]
    if is_whole and (first.get("number") != 1 or first.get("previous") != GENESIS):
        yield problem("broken_chain", "The first receipt is missing: the chain does not begin with number 1.", _ASK)
