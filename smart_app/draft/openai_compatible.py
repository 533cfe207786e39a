"""A drafter behind any OpenAI-compatible endpoint of the clinic's choice; its answers pass the same checks.

The transcript is data: quoted as JSON, after a fixed system prompt, no tools, a closed schema out. A model is no
security boundary, so everything it writes is checked against the lines, and a human signs. A long session goes in
parts; requests, tries, answer lengths and times all have limits.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai

from smart_app.draft.answer import Drafted, DraftedStatement, parsed
from smart_app.draft.checks import checked_all
from smart_app.draft.cues import Cues, cues
from smart_app.draft.omissions import omissions
from smart_app.draft.prompt import Asked, messages, prompt, said
from smart_app.draft.refusals import MAY_NAME_A_CAUSE, complaint, is_too_long, names_form, names_temperature
from smart_app.draft.too_little import too_little
from smart_app.draft.windows import halved, windows, without_repeats
from smart_app.errors import BadInput, ConfigError, DraftRejected
from smart_app.formats import GENERAL, Heading
from smart_app.ports import Section, Statement, Summary, TooLittle, Transcript, Utterance
from smart_app.remote_model import client_of

WINDOW_TOKENS = 12_000
"""How many tokens of transcript one request holds: with instructions and answer it fits a context of 16 k."""
MOST_REQUESTS = 40
MAX_EXAMPLE_CHARS = 6_000
MOST_EXAMPLES = 3
SPEAKS_TO_SOFTWARE = "It rests on a line that speaks to the software; read that line."


class _CutOff(Exception):
    """The answer ended because the model had no room left: the part was too long."""


_FORMS: tuple[Mapping[str, Any], ...] = (
    {
        "type": "json_schema",
        "json_schema": {"name": "summary", "strict": True, "schema": Drafted.model_json_schema()},
    },
    {"type": "json_object"},
    {},
)
"""How JSON is asked for, the strictest first; an endpoint that refuses one is asked in the next."""


def style_examples(folder: Path | None) -> tuple[str, ...]:
    """Return the first notes of a folder of example notes, each no longer than is sent. Raises ConfigError."""
    if folder is None:
        return ()
    try:
        return tuple(
            path.read_text(encoding="utf-8")[:MAX_EXAMPLE_CHARS]
            for path in sorted(folder.glob("*.txt"))[:MOST_EXAMPLES]
        )
    except (OSError, UnicodeDecodeError):
        raise ConfigError("draft_examples", "The example notes cannot be read; they must be text in UTF-8.") from None


class OpenAICompatibleDrafter:
    """Drafts with a chat model; `timeout_s` holds for each of at most three tries of a request."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        timeout_s: float = 120.0,
        window_tokens: int = WINDOW_TOKENS,
        examples: Sequence[str] = (),
    ) -> None:
        """`examples` are earlier notes whose style is followed. Raises ConfigError for an address in the clear."""
        self._model = model
        self._window_tokens = window_tokens
        self._examples = tuple(each[:MAX_EXAMPLE_CHARS] for each in examples)
        self._form = 0
        self._sends_temperature = True
        self._client = client_of(base_url, api_key=api_key, timeout_s=timeout_s, what="draft")

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
        asked = Asked(style=style, headings=known.formats[style], examples=self._examples)
        drafted = self._drafted(asked, windows(said(transcript.utterances, known), self._window_tokens))
        sections = _sections(drafted, transcript, asked.headings, known)
        return Summary(
            format=style,
            sections=sections,
            for_your_wording=(),
            omissions=omissions(transcript, sections),
            drafter=f"openai-compatible:{self._model}",
            prompt_version=prompt().version,
        )

    def _drafted(self, asked: Asked, parts: Sequence[tuple[Utterance, ...]]) -> list[Drafted]:
        """Ask for each part in turn; one whose answer has no room is asked for in halves."""
        waiting, out = list(parts), list[Drafted]()
        n_requests = 0
        while waiting:
            n_requests += 1
            if n_requests > MOST_REQUESTS:
                raise _unusable()
            window = waiting.pop(0)
            try:
                part = (len(out) + 1, len(out) + 1 + len(waiting))
                out.append(self._of_part(asked, window, part))
            except _CutOff:
                if len(window) < 2:
                    raise _unusable() from None
                waiting[:0] = halved(window)
        if not any(s.statements for drafted in out for s in drafted.sections):
            raise _unusable()
        return out

    def _of_part(self, asked: Asked, window: Sequence[Utterance], part: tuple[int, int]) -> Drafted:
        """Draft one part; an answer of another shape is asked for once more. Raises _CutOff, DraftRejected."""
        answer = self._answer(asked, window, part)
        drafted = parsed(answer)
        if drafted is None:
            drafted = parsed(self._answer(asked, window, part, after=answer))
        if drafted is None or {s.key for s in drafted.sections} - {h.key for h in asked.headings}:
            raise _unusable()
        return drafted

    def _answer(
        self, asked: Asked, window: Sequence[Utterance], part: tuple[int, int], after: str | None = None
    ) -> str:
        """Return the words of the answer; what the endpoint does not take is left out of this and all later requests.

        Raises _CutOff, DraftRejected.
        """
        while True:
            try:
                return _content(self._raw(self._body(asked, window, part, after)))
            except openai.APIStatusError as error:
                said_ = complaint(error.body)
                if error.status_code not in MAY_NAME_A_CAUSE:
                    raise _status(error) from None
                if is_too_long(error.status_code, said_):
                    raise _CutOff from None
                if not self._gives_way(said_):
                    raise _status(error) from None

    def _gives_way(self, said_: str) -> bool:
        """Leave out what a complaint names; False where it names nothing that can be left out (any more)."""
        if self._sends_temperature and names_temperature(said_):
            self._sends_temperature = False
        elif self._form + 1 < len(_FORMS) and names_form(said_):
            self._form += 1
        else:
            return False
        return True

    def _body(
        self, asked: Asked, window: Sequence[Utterance], part: tuple[int, int], after: str | None
    ) -> dict[str, Any]:
        """Return a request in the strictest form that the endpoint takes."""
        form = _FORMS[self._form]
        is_plain = form.get("type") != "json_schema"
        schema = json.dumps(Drafted.model_json_schema()) if is_plain else ""
        asking = messages(asked, window, part=part, schema_text=schema)
        if after is not None:
            asking.append({"role": "user", "content": prompt().again})
        body: dict[str, Any] = {"model": self._model, "messages": asking}
        if self._sends_temperature:
            body["temperature"] = 0
        if form:
            body["response_format"] = form
        return body

    def _raw(self, body: dict[str, Any]) -> bytes:
        """Send one request and return the raw answer. Raises openai.APIStatusError, DraftRejected."""
        try:
            return self._client.chat.completions.with_raw_response.create(**body).content
        except openai.APITimeoutError:
            raise DraftRejected("draft_timeout", "The drafting service did not answer in time.", "Try again.") from None
        except openai.APIConnectionError:
            raise DraftRejected("draft_unreachable", "The drafting service cannot be reached.", "Try again.") from None


def _status(error: openai.APIStatusError) -> DraftRejected:
    status = error.status_code
    is_passing = status >= 500 or status == 429
    return DraftRejected(
        "draft_refused",
        f"The drafting service answered with error {status}.",
        "Try again." if is_passing else "Ask your administrator to check its settings.",
        permanent=not is_passing,
    )


def _unusable() -> DraftRejected:
    return DraftRejected(
        "draft_unusable", "The drafting service answered with something that is no draft.", "Try again."
    )


def _content(raw: bytes) -> str:
    """Return the words of a chat answer. Raises _CutOff where the model had no room left, DraftRejected."""
    try:
        choice = json.loads(raw)["choices"][0]
        words = choice["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise _unusable() from None
    if choice.get("finish_reason") == "length":
        raise _CutOff
    return words if isinstance(words, str) else ""


def _sections(
    drafted: Iterable[Drafted], transcript: Transcript, headings: Sequence[Heading], known: Cues
) -> tuple[Section, ...]:
    """Put the statements of all parts under the format's own sections, each checked, none twice."""
    answers = list(drafted)
    places = {u.id: n for n, u in enumerate(transcript.utterances)}
    under: list[tuple[Heading, Statement]] = []
    for heading in headings:
        mine = [x for d in answers for s in d.sections if s.key == heading.key for x in s.statements]
        kept = without_repeats(_bare(x, heading, places) for x in mine if not _is_never(x.text, known))
        told = {(each.text.lower(), each.evidence) for _, each in under}
        under += [(heading, each) for each in kept if (each.text.lower(), each.evidence) not in told]
    numbered = [replace(each, id=f"s{n}") for n, (_, each) in enumerate(under, start=1)]
    known_to_be = [_doubted(each, transcript) for each in checked_all(numbered, transcript)]
    return tuple(
        Section(
            key=heading.key,
            title=heading.title,
            statements=tuple(s for s, (of, _) in zip(known_to_be, under, strict=True) if of is heading),
            hint=heading.hint,
        )
        for heading in headings
    )


def _is_never(text: str, known: Cues) -> bool:
    return known.speaks_of_consent(text) or prompt().never.search(text) is not None


def _bare(said_: DraftedStatement, heading: Heading, places: Mapping[str, int]) -> Statement:
    return Statement(
        id="",
        text=" ".join(said_.text.split()),
        evidence=tuple(said_.evidence),
        verdict="no source",
        part=heading.parts[0] if GENERAL not in heading.parts else GENERAL,
        place=min((places[i] for i in said_.evidence if i in places), default=len(places)),
    )


def _doubted(statement: Statement, transcript: Transcript) -> Statement:
    """Doubt what rests on a line that gives a machine orders."""
    cited = set(statement.evidence)
    orders = any(u.id in cited and prompt().addressed.search(u.text) for u in transcript.utterances)
    if orders and statement.verdict == "supported":
        return replace(statement, verdict="partly", why=SPEAKS_TO_SOFTWARE)
    return statement
