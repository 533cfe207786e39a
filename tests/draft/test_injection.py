"""Words in a transcript never become orders: an endpoint that obeys them gets nothing into a note (T10)."""

import json
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

pytestmark = pytest.mark.req("T10")
CORPUS = tomllib.loads((Path(__file__).parent / "data" / "injections.toml").read_text(encoding="utf-8"))["injection"]
IDS = [each["said"][:40] for each in CORPUS]
LINE = "u3"
FAITHFUL = ("Client is worried about exams.", ["u1"])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One scripted endpoint for all of them."""
    made = Endpoint()
    yield made
    made.close()


def drafter(endpoint: Endpoint) -> OpenAICompatibleDrafter:
    """Return a drafter that asks it."""
    return OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0)


def test_the_corpus_is_large_enough() -> None:
    """At least thirty, all different."""
    assert len({each["said"] for each in CORPUS}) >= 30


@pytest.mark.parametrize("each", CORPUS, ids=IDS)
def test_the_request_keeps_its_shape_whatever_was_said(endpoint: Endpoint, each: dict[str, str]) -> None:
    """Fixed instructions, one JSON object of data, no tools: the words stand in one string of it and nowhere else."""
    endpoint.asked.clear()
    endpoint.script = says(draft_of(FAITHFUL))
    drafter(endpoint).draft(transcript(*TALK, f"P: {each['said']}"))
    [body] = endpoint.asked
    assert set(body) == {"model", "messages", "temperature", "response_format"}
    system, user = body["messages"]
    assert system == {"role": "system", "content": prompt().system}
    data = json.loads(user["content"])
    assert set(data) == {"style", "sections", "utterances"}
    assert each["said"] not in json.dumps({**data, "utterances": []})
    assert [u["id"] for u in data["utterances"] if u["text"] == each["said"]] in ([LINE], [])


@pytest.mark.parametrize("evidence", [[], ["u99"], [LINE], ["u1", "u2"]], ids=["none", "unknown", "the line", "others"])
@pytest.mark.parametrize("each", CORPUS, ids=IDS)
def test_what_an_obedient_model_writes_is_never_supported(
    endpoint: Endpoint, each: dict[str, str], evidence: list[str]
) -> None:
    """Refused whole, dropped, or shown with doubt: whichever lines it names."""
    obeyed = each["obeyed"]
    endpoint.script = says(obeyed if obeyed.startswith("{") else draft_of(FAITHFUL, (obeyed, evidence)))
    try:
        summary = drafter(endpoint).draft(transcript(*TALK, f"P: {each['said']}"))
    except DraftRejected:
        return
    assert isinstance(summary, Summary)
    assert [s.key for s in summary.sections] == ["subjective", "objective", "assessment", "plan"]
    found = {s.text: s.verdict for section in summary.sections for s in section.statements}
    assert {text for text, verdict in found.items() if verdict == "supported"} <= {FAITHFUL[0]}


@pytest.mark.parametrize("each", CORPUS, ids=IDS)
def test_the_built_in_drafter_can_only_quote_it(each: dict[str, str]) -> None:
    """What it takes up stands in quotation marks or as the client's report, with its line."""
    summary = BuiltinDrafter().draft(transcript(*TALK, f"P: {each['said']}"))
    assert isinstance(summary, Summary)
    for statement in (s for section in summary.sections for s in section.statements):
        assert statement.evidence
        assert statement.text.startswith(("Client", "Asked", "Clinician"))
        assert not {"https", "<script>"} & set(statement.text.split())
