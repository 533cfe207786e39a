"""`chartside draft TRANSCRIPT.json`: the built-in drafter on a file."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.cues import cues
from smart_app.draft.json_shape import parse
from smart_app.draft.languages import InItsLanguages
from smart_app.draft.render import summary_text
from smart_app.errors import ChartsideError, shown
from smart_app.hard_heard import hard_words_of
from smart_app.ports import TooLittle
from smart_app.summary_shape import to_json

MAX_BYTES = 50_000_000


class _Refused(Exception):
    """The file cannot be used; the message is a whole sentence."""


def main(argv: Sequence[str]) -> int:
    """Draft a summary of a transcript file; returns 0, or 2 with one sentence on standard error."""
    args = _arguments().parse_args(argv)
    try:
        transcript = parse(_text(args.transcript))
        summary = InItsLanguages(BuiltinDrafter(words=args.words)).draft(transcript, style=args.format)
    except _Refused as error:
        sys.stderr.write(f"chartside draft: {error}\n")
        return 2
    except ChartsideError as error:
        sys.stderr.write(f"chartside draft: {error.public}\n")
        return 2
    if args.json:
        sys.stdout.write(json.dumps(to_json(summary), indent=2, ensure_ascii=False) + "\n")
    elif isinstance(summary, TooLittle):
        sys.stdout.write(f"No summary: {summary.reason}\n")
    else:
        sys.stdout.write(summary_text(summary, hard_words_of(transcript.utterances)))
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chartside draft", description="Draft a summary of a session's transcript with the built-in drafter."
    )
    parser.add_argument("transcript", metavar="TRANSCRIPT.json", help="a transcript file, or - for standard input")
    parser.add_argument("--format", default="soap", choices=list(cues().formats), help="default: soap")
    parser.add_argument("--words", type=int, help="about how long the draft is to be; default: by the session's length")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON with evidence and verdicts")
    return parser


def _text(name: str) -> str:
    """Return what the file, or standard input, holds. Raises _Refused."""
    path, limit = Path(name), f"larger than {MAX_BYTES // 1_000_000} MB."
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise _Refused(f"Standard input is {limit}")
            return content.decode("utf-8")
        if path.stat().st_size > MAX_BYTES:
            raise _Refused(f"{shown(path)} is {limit}")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _Refused(f"There is no file {shown(path)}.") from None
    except IsADirectoryError:
        raise _Refused(f"{shown(path)} is a folder, not a transcript file.") from None
    except UnicodeDecodeError:
        raise _Refused(f"{'Standard input' if name == '-' else shown(path)} is not text in UTF-8.") from None
    except OSError:
        raise _Refused(f"{shown(path)} cannot be read.") from None
