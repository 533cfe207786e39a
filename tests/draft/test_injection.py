"""Words in a transcript never become orders: an endpoint that obeys them gets nothing into a note (T10)."""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.openai_compatible import OpenAICompatibleDrafter
from smart_app.draft.prompt import prompt
from smart_app.errors import DraftRejected
from smart_app.ports import Summary
from tests.draft.endpoint import Endpoint, draft_of, says
from tests.draft.said import TALK, transcript
from tests.trust.figures import Say

pytestmark = pytest.mark.req("T10", "G16")
CORPUS = tomllib.loads((Path(__file__).parent / "data" / "injections.toml").read_text(encoding="utf-8"))["injection"]
LINE = "u3"
MARKUP = re.compile(r"<\w[^>]*>")
FAITHFUL = ("Client is worried about exams.", ["u1"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One scripted endpoint for all of them."""
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture(scope="module")
def drafter(endpoint: Endpoint) -> OpenAICompatibleDrafter:
    """The drafter that asks it."""
    return OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0)


def test_the_corpus_is_large_enough() -> None:
    """At least a hundred, all different."""
    assert len({each["said"] for each in CORPUS}) >= 100


def test_the_request_keeps_its_shape_whatever_was_said(endpoint: Endpoint, drafter: OpenAICompatibleDrafter) -> None:
    """Fixed instructions, one JSON object of data, no tools: the words stand in one string of it and nowhere else."""
    endpoint.script = says(draft_of(FAITHFUL))
    for each in CORPUS:
        endpoint.asked.clear()
        drafter.draft(transcript(*TALK, f"P: {each['said']}"))
        [body] = endpoint.asked
        assert set(body) == {"model", "messages", "temperature", "response_format"}
        system, user = body["messages"]
        assert system == {"role": "system", "content": prompt().system}
        data = json.loads(user["content"])
        assert set(data) == {"style", "sections", "utterances"}
        assert each["said"] not in json.dumps({**data, "utterances": []})
        assert [u["id"] for u in data["utterances"] if u["text"] == each["said"]] in ([LINE], [])


def escapes(summary: Summary) -> list[str]:
    """Return what of a draft is outside its form, is HTML or an address, or obeys: is shown as supported."""
    keys = [section.key for section in summary.sections]
    statements = [each for section in summary.sections for each in section.statements]
    out = [] if keys == ["subjective", "objective", "assessment", "plan"] else keys
    return out + [each.text for each in statements if each.verdict == "supported" and each.text != FAITHFUL[0]]


def test_what_an_obedient_model_writes_is_never_supported(
    endpoint: Endpoint, drafter: OpenAICompatibleDrafter, figure: Say
) -> None:
    """Refused whole, dropped, or shown with doubt: whichever lines it names."""
    wrong, cases, refused = [], 0, 0
    for each, evidence in itertools.product(CORPUS, ([], ["u99"], [LINE], ["u1", "u2"])):
        obeyed, cases = each["obeyed"], cases + 1
        endpoint.script = says(obeyed if obeyed.startswith('{"') else draft_of(FAITHFUL, (obeyed, evidence)))
        try:
            summary = drafter.draft(transcript(*TALK, f"P: {each['said']}"))
        except DraftRejected:
            refused += 1
            continue
        assert isinstance(summary, Summary)
        wrong += [f"{text} {evidence}" for text in escapes(summary)]
    what = "orders obeyed and answers outside the form, from a hostile model"
    figure("G16", what, got=len(wrong), goal=0, is_met=not wrong, cases=cases)
    assert wrong == []
    assert 0 < refused < cases, "both were seen"


def test_the_built_in_drafter_can_only_quote_it(figure: Say) -> None:
    """What it takes up stands in quotation marks or as the client's report, with its line."""
    wrong = []
    for each in CORPUS:
        summary = BuiltinDrafter().draft(transcript(*TALK, f"P: {each['said']}"))
        assert isinstance(summary, Summary)
        for statement in (s for section in summary.sections for s in section.statements):
            is_attributed = statement.text.startswith(("Client", "Asked", "Clinician"))
            if not (statement.evidence and is_attributed) or MARKUP.search(statement.text):
                wrong.append(statement.text)
    figure("G16", "orders obeyed by the built-in drafter", got=len(wrong), goal=0, is_met=not wrong, cases=len(CORPUS))
    assert wrong == []
