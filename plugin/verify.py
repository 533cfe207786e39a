"""`chartside verify FILE`: check receipts of erasures and withdrawals, or lines of the audit trail, as a stranger can.

Receipts: each signature, and the chain that shows a missing one. This module shares no code with what wrote them.
"""

import argparse
import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plugin import findings, terminal, verify_trail
from plugin.failures import Exit, Failure
from plugin.findings import Finding, note, ok, problem

EXAMPLES = (
    "chartside verify chartside-kept/receipts.jsonl --public-key chartside-kept/receipts-public-key.txt",
    "chartside verify my-receipt.json --public-key qm3...=",
    "chartside verify chartside-kept/receipts.jsonl --audit chartside-kept/audit.jsonl",
    "chartside verify chartside-kept/audit.jsonl",
)
GENESIS = "0" * 64
_ASK = "Ask the clinic; somebody changed it after it was signed."
_WHOLE = "Ask the clinic for the whole list."
_CAUSES = {
    "signed": "because the note was signed",
    "after-drafting": "because the summary was ready",
    "deadline": "because its deadline had come",
    "withdrawn": "because somebody withdrew their consent",
    "erasure-request": "because a client asked the clinic to erase it",
    "closed": "because Chartside was uninstalled",
}
_TAKEN_BACK = {
    "in-person": "was withdrawn, by the participant's word to the clinician,",
    "erasure-request": "was ended at a client's erasure request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Receipt:
    """A receipt as it was found: the signed body, its signature and, in the clinic's own lists, the opened place."""

    body: dict[str, Any]
    signature: str
    opening: dict[str, Any] | None = None

    @property
    def number(self) -> int | None:
        """Return its number in the clinic's chain, where that is told: in old receipts, or in the opening."""
        found = (self.opening or self.body).get("number")
        return found if isinstance(found, int) else None

    @property
    def name(self) -> str:
        """Return what to call it."""
        number = f"{self.number} " if self.number is not None else ""
        return f"Receipt {number}({self.body.get('id')})"

    @property
    def hash(self) -> str:
        """Return what the next receipt must name; empty where the body cannot be hashed."""
        try:
            return hashlib.sha256(rfc8785.dumps(self.body)).hexdigest()
        except rfc8785.CanonicalizationError:
            return ""


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "verify", help="check receipts of erasures and withdrawals, or the audit trail", description=__doc__
    )
    words = "a receipt, a list of them, receipts.jsonl or audit.jsonl"
    parser.add_argument("file", type=Path, metavar="FILE", help=words)
    parser.add_argument("--public-key", metavar="KEY", help="the clinic's public key in base64, or a file with it")
    words = "audit.jsonl of the same clinic: the trail must tell of each receipt, and each receipt of the trail"
    parser.add_argument("--audit", type=Path, metavar="FILE", help=words)
    parser.set_defaults(run=run)
    return parser


def run(asked: argparse.Namespace) -> int:
    """Say of each receipt or line whether it is as it was written, and whether one is missing between them."""
    if verify_trail.is_trail(asked.file):
        lines = verify_trail.read(asked.file)
        return _tell(asked, "lines", len(lines), list(verify_trail.look(lines)))
    found = _read(asked.file)
    heads = [each for each in found if each.body.get("kind") == "head"]
    receipts = [each for each in found if each.body.get("kind") != "head"]
    if not found:
        return _nothing(asked)
    key, is_whole = _key(asked.public_key), asked.file.suffix == ".jsonl"
    told = [*_signatures(found, key), *_chain(receipts, is_whole=is_whole), *_openings(receipts, is_whole=is_whole)]
    told += _end(receipts, heads, is_whole=is_whole)
    if asked.audit is not None:
        lines = verify_trail.read(asked.audit)
        told += [*verify_trail.look(lines), *_in_trail(receipts, lines, is_whole=is_whole)]
    if not key:
        signers = sorted({str(each.body.get("signed_by", "")) for each in found})
        what = f"Whether the clinic signed cannot be told: only the receipts say whose key it was: {' '.join(signers)}"
        told.append(problem("key_unknown", what, "Ask the clinic for its public key, and give it with --public-key."))
    return _tell(asked, "receipts", len(receipts), told)


def _tell(asked: argparse.Namespace, noun: str, count: int, told: Sequence[Finding]) -> int:
    status = findings.status_of(told)
    if asked.json:
        rows = [{"code": one.code, "mark": one.mark, "found": one.found} for one in told]
        terminal.write_json({"exit": int(status), noun: count, "findings": rows})
    else:
        findings.show(findings.sorted_by_weight(told))
        terminal.say(_verdict(noun, count, status))
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


def _verdict(noun: str, count: int, status: Exit) -> str:
    things = f"1 {noun.removesuffix('s')}" if count == 1 else f"{count} {noun}"
    if status is not Exit.OK:
        return f"Of {things} not all can be trusted; see above."
    return f"{things} looked at, nothing wrong."


def _read(path: Path) -> list[_Receipt]:
    """Return each receipt; an empty list has none. Raises Failure for a file that is no list."""
    try:
        text = path.read_text(encoding="utf-8")
        found = (
            [json.loads(line) for line in text.splitlines() if line] if path.suffix == ".jsonl" else json.loads(text)
        )
        rows = found if isinstance(found, list) else found.get("receipts", [found])
        receipts = [_receipt(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        todo = "Give a receipt as the client's page shows it, or receipts.jsonl of an export."
        raise Failure(Exit.USAGE, "no_receipts", f"{path} holds no receipts that can be read.", todo) from error
    return receipts


def _receipt(row: dict[str, Any]) -> _Receipt:
    # Pages once gave body and signature in one object.
    told = row["body"] if "body" in row else {name: value for name, value in row.items() if name != "signature"}
    body = json.loads(told) if isinstance(told, str) else told
    if not isinstance(body, dict):
        raise TypeError("a receipt's body is an object")
    is_known = isinstance(body.get("number"), int) or isinstance(body.get("version"), str)
    if not is_known:
        raise TypeError("a receipt's body says its version or number")
    opening = row.get("opening")
    return _Receipt(body=body, signature=str(row["signature"]), opening=opening if isinstance(opening, dict) else None)


def _key(text: str | None) -> str:
    if not text:
        return ""
    path = Path(text)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else text


def _signatures(receipts: list[_Receipt], key: str) -> Iterator[Finding]:
    for each in receipts:
        if key and each.body.get("signed_by") != key:
            yield problem("other_key", f"{each.name} was signed with another key than the clinic's.", _ASK)
        elif not _is_signed(each):
            yield problem("bad_signature", f"{each.name} does not fit its signature.", _ASK)
        elif each.body.get("kind") != "head":
            how = "is genuine" if key else "is unchanged since somebody signed it"
            yield ok("signed", f"{each.name} {how}: {_says(each.body)}.")


def _says(body: dict[str, Any]) -> str:
    """Return what a receipt attests."""
    if body.get("kind") == "withdrawal":
        withdrawn, finished = _at(body.get("withdrawn_at")), _at(body.get("finished_at"))
        erased = ", ".join(str(each) for each in body.get("erased", ()))
        how = _TAKEN_BACK.get(str(body.get("cause")), "was withdrawn")
        said = f"consent {body.get('consent')} {how} on {withdrawn} UTC, and by {finished} UTC {erased} erased"
        owed = body.get("owed_to_chart")
        return f"{said}; drafts that the chart held, to be marked there as entered in error: {owed}" if owed else said
    cause = str(body.get("cause"))
    why = _CAUSES.get(cause, f"({cause})")
    return f"recording {body.get('recording')} was erased on {_at(body.get('erased_at'))} UTC {why}"


def _at(value: Any) -> str:
    return str(value)[:16].replace("T", " ")


def _is_signed(receipt: _Receipt) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(receipt.body["signed_by"], validate=True))
        public.verify(base64.b64decode(receipt.signature, validate=True), rfc8785.dumps(receipt.body))
    except (InvalidSignature, ValueError, KeyError, TypeError, rfc8785.CanonicalizationError):
        return False
    return True


def _chain(receipts: list[_Receipt], *, is_whole: bool) -> Iterator[Finding]:
    """Yield what breaks the chain: each receipt names the hash of the one before it."""
    for before, after in pairwise(receipts):
        between = f"{before.name} and {after.name}"
        is_next = after.body.get("previous") == before.hash
        if is_next:
            continue
        both = before.number, after.number
        is_beside = None not in both and both[1] == (both[0] or 0) + 1
        if is_beside:
            yield problem("broken_chain", f"Between {between} the chain is broken: one of them was changed.", _ASK)
        elif is_whole:
            what = f"Between {between} one is missing, they changed places, or one was changed."
            yield problem("broken_chain", what, _WHOLE)
        else:
            yield note("gap", f"Between {between} there are others, of other people's recordings.")
    if is_whole and receipts and receipts[0].body.get("previous") != GENESIS:
        what = "The first receipt is missing: the list does not begin where the chain began."
        yield problem("broken_chain", what, _WHOLE)


def _openings(receipts: list[_Receipt], *, is_whole: bool) -> Iterator[Finding]:
    """Yield what is wrong with the places that the clinic opened: they must be what was signed, and in order."""
    for index, each in enumerate(receipts, start=1):
        if each.opening is not None and _sha256(each.opening) != each.body.get("place"):
            yield problem("bad_opening", f"{each.name}: its number and key are not those that were signed.", _ASK)
        elif is_whole and each.number is not None and each.number != index:
            yield problem("broken_chain", f"{each.name} is the list's number {index}: some are missing.", _WHOLE)


def _sha256(value: dict[str, Any]) -> str:
    try:
        return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
    except rfc8785.CanonicalizationError:
        return ""


def _end(receipts: list[_Receipt], heads: list[_Receipt], *, is_whole: bool) -> Iterator[Finding]:
    """Yield whether the newest are there, as the clinic's signed statement of the chain's end says."""
    if not is_whole:
        return
    if not heads:
        what = "No signed statement of the chain's end is in the list: it cannot show whether the newest are missing."
        yield note("no_head", what, "Compare with --audit, or with the clients' own receipts.")
        return
    said = heads[-1].body
    newest = receipts[-1].hash if receipts else GENESIS
    if (said.get("count"), said.get("head")) != (len(receipts), newest):
        what = f"The list ends with number {len(receipts)}; when it was written there were {said.get('count')}."
        yield problem("cut", what, _WHOLE)


def _in_trail(receipts: list[_Receipt], lines: list[dict[str, Any]], *, is_whole: bool) -> Iterator[Finding]:
    """Yield where trail and receipts do not know each other."""
    known = {GENESIS, *(str(line.get("hash")) for line in lines)}
    first = min((line["number"] for line in lines), default=1)
    for each in receipts:
        head = each.body.get("audit_head")
        # Earlier lines may be in an archive.
        if head is not None and head not in known and first == 1:
            what = f"{each.name} was signed when the trail ended with a line that is not in it."
            yield problem("not_in_trail", what, "Ask the clinic: the trail was changed.")
    if is_whole:
        there = {str(each.body.get("id")) for each in receipts}
        told = {str(line["detail"].get("receipt")) for line in lines if "receipt" in line.get("detail", {})}
        for missing in sorted(told - there):
            yield problem("cut", f"The trail tells of receipt {missing}, which is not in the list.", _WHOLE)
