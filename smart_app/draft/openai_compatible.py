"""A drafter behind any OpenAI-compatible endpoint of the clinic's choice; its answers pass the same checks.

The transcript is data: quoted as JSON, after a fixed system prompt, no tools, a closed schema out. A model is no
security boundary, so everything it writes is checked against the lines, and a human signs.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smart_app.draft.checks import checked
from smart_app.draft.cues import Cues, cues
from smart_app.draft.omissions import omissions
from smart_app.draft.too_little import too_little
from smart_app.errors import BadInput, ConfigError, DraftRejected
from smart_app.formats import GENERAL
from smart_app.ports import Section, Statement, Summary, TooLittle, Transcript

MAX_ANSWER_CHARS = 200_000
RETRIES = 2
_MARKUP = re.compile(r"<\s*[a-z!/]|https?:|www\.|javascript:|\]\(", re.IGNORECASE)
_PROMPT = Path(__file__).parent / "prompts" / "summary.toml"


class _DraftedStatement(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(min_length=1, max_length=600)]
    evidence: Annotated[list[str], Field(max_length=20)]


class _DraftedSection(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str
    statements: Annotated[list[_DraftedStatement], Field(max_length=80)]


class _Drafted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sections: Annotated[list[_DraftedSection], Field(max_length=8)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    version: str
    system: str


@cache
def _prompt() -> _Prompt:
    raw = tomllib.loads(_PROMPT.read_text(encoding="utf-8"))
    return _Prompt(version=raw["version"], system=raw["system"].strip())


def _checked_url(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    is_local = parts.scheme == "http" and host in {"127.0.0.1", "localhost", "::1"}
    if not host or parts.username is not None or not (parts.scheme == "https" or is_local):
        raise ConfigError("draft_url", "The drafting endpoint must be an https address (or http on this machine).")
    return base_url


class OpenAICompatibleDrafter:
    """Drafts with a chat model; `timeout_s` holds for each of at most three tries."""

    def __init__(self, *, base_url: str, api_key: str, model: str, timeout_s: float = 120.0) -> None:
        """Raises ConfigError for an address that would send the transcript in the clear."""
        self._model = model
        self._client = openai.OpenAI(
            base_url=_checked_url(base_url),
            api_key=api_key or "none",
            timeout=timeout_s,
            max_retries=RETRIES,
            # A redirect or a proxy from the environment would carry the transcript to an address nobody configured.
            http_client=openai.DefaultHttpxClient(follow_redirects=False, trust_env=False, timeout=timeout_s),
        )

    def draft(self, transcript: Transcript, *, style: str = "soap") -> Summary | TooLittle:
        """Draft in the format `style`. Raises BadInput, DraftRejected."""
        known = cues()
        if style not in known.formats:
            raise BadInput(
                "unknown_format", f"There is no format {style!r}.", f"Choose one of {', '.join(known.formats)}."
            )
        little = too_little(transcript)
        if little is not None:
            return little
        drafted = _parsed(self._answer(_messages(transcript, style, known)))
        sections = _sections(drafted, transcript, style, known)
        return Summary(
            format=style,
            sections=sections,
            for_your_wording=(),
            omissions=omissions(transcript, sections),
            drafter=f"openai-compatible:{self._model}",
            prompt_version=_prompt().version,
        )

    def _answer(self, messages: list[dict[str, str]]) -> str:
        """Ask the endpoint; returns the raw answer's text."""
        schema = {"name": "summary", "strict": True, "schema": _Drafted.model_json_schema()}
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "temperature": 0,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        try:
            raw = self._client.chat.completions.with_raw_response.create(**body)
        except openai.APITimeoutError:
            raise DraftRejected("draft_timeout", "The drafting service did not answer in time.", "Try again.") from None
        except openai.APIConnectionError:
            raise DraftRejected("draft_unreachable", "The drafting service cannot be reached.", "Try again.") from None
        except openai.APIStatusError as error:
            status = error.status_code
            raise DraftRejected(
                "draft_refused",
                f"The drafting service answered with error {status}.",
                "Try again." if status >= 500 or status == 429 else "Ask your administrator to check its settings.",
                permanent=not (status >= 500 or status == 429),
            ) from None
        return str(raw.text)


def _messages(transcript: Transcript, style: str, known: Cues) -> list[dict[str, str]]:
    data = {
        "style": style,
        "sections": [{"key": s.key, "title": s.title} for s in known.formats[style]],
        "utterances": [
            {"id": u.id, "speaker": u.speaker, "text": u.text}
            for u in transcript.utterances
            if not known.speaks_of_consent(u.text)
        ],
    }
    return [
        {"role": "system", "content": _prompt().system},
        {"role": "user", "content": json.dumps(data, ensure_ascii=True)},
    ]


def _unusable() -> DraftRejected:
    return DraftRejected(
        "draft_unusable", "The drafting service answered with something that is no draft.", "Try again."
    )


def _parsed(answer: str) -> _Drafted:
    """Read the endpoint's answer as the closed schema; anything else is refused whole."""
    if len(answer) > MAX_ANSWER_CHARS:
        raise _unusable()
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
        drafted = _Drafted.model_validate_json(content)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, ValidationError):
        raise _unusable() from None
    texts = [s.text for section in drafted.sections for s in section.statements]
    if not texts or any(_MARKUP.search(text) for text in texts):
        raise _unusable()
    return drafted


def _sections(drafted: _Drafted, transcript: Transcript, style: str, known: Cues) -> tuple[Section, ...]:
    """Put the statements under the format's own sections, each checked; a section nobody asked for is refused."""
    layouts = known.formats[style]
    if {s.key for s in drafted.sections} - {layout.key for layout in layouts}:
        raise _unusable()
    out: list[Section] = []
    count = 0
    for layout in layouts:
        statements: list[Statement] = []
        for said in (x for s in drafted.sections if s.key == layout.key for x in s.statements):
            text = " ".join(said.text.split())
            if known.speaks_of_consent(text):
                continue
            count += 1
            bare = Statement(
                id=f"s{count}",
                text=text,
                evidence=tuple(said.evidence),
                verdict="no source",
                part=layout.parts[0] if GENERAL not in layout.parts else GENERAL,
            )
            statements.append(checked(bare, transcript))
        out.append(Section(key=layout.key, title=layout.title, statements=tuple(statements), hint=layout.hint))
    return tuple(out)
