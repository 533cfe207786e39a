"""Long sessions, weak servers and example notes: parts without losing facts, every request with a limit."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from smart_app.draft.openai_compatible import MOST_REQUESTS, OpenAICompatibleDrafter, style_examples
from smart_app.draft.windows import tokens_of, windows
from smart_app.errors import DraftRejected
from smart_app.ports import Summary, Transcript
from tests.draft.endpoint import Endpoint, Script, draft_of, says, send
from tests.draft.said import TALK, transcript

WORDS_OF_90_MINUTES = 13_000
THINGS = [
    "office",
    "garden",
    "kitchen",
    "teacher",
    "bicycle",
    "concert",
    "library",
    "station",
    "bakery",
    "hospital",
    "meadow",
    "workshop",
]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A scripted endpoint."""
    made = Endpoint()
    yield made
    made.close()


def session(n_lines: int) -> Transcript:
    """Make a long session in which every line tells another fact: its number."""
    return transcript(
        *(
            f"{'PPPC'[n % 4]}: On day {1000 + n} the {THINGS[n % 10]} and the journey home were on my mind as before."
            for n in range(n_lines)
        )
    )


def utterances(body: dict[str, Any]) -> list[dict[str, str]]:
    """Return the lines that a request holds."""
    found: list[dict[str, str]] = json.loads(body["messages"][1]["content"])["utterances"]
    return found


def echoes(endpoint: Endpoint, *, most: int = 10_000) -> Script:
    """Script a server that states what it saw, line by line; beyond `most` lines its answer is cut off."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        seen = utterances(endpoint.asked[-1])
        said = [(f"Day {u['text'].split()[2]} was mentioned.", [u["id"]]) for u in seen[:most]]
        keys = ["subjective", "objective", "assessment", "plan"]
        sections = [
            {"key": key, "statements": [{"text": t, "evidence": e} for t, e in said[n::4]]}
            for n, key in enumerate(keys)
        ]
        reason = "length" if len(seen) > most else "stop"
        text = json.dumps({"sections": sections})[: 2000 if reason == "length" else None]
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
        send(json.dumps({"id": "1", "choices": [choice]}).encode())(handler)

    return script


def drafted(endpoint: Endpoint, said: Transcript, **options: Any) -> Summary:
    """Draft with the scripted endpoint."""
    drafter = OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0, **options)
    summary = drafter.draft(said)
    assert isinstance(summary, Summary)
    return summary


def texts(summary: Summary) -> list[str]:
    """Return all statements."""
    return [s.text for section in summary.sections for s in section.statements]


def test_ninety_minutes_go_in_parts_and_no_line_is_lost_or_told_twice(endpoint: Endpoint) -> None:
    """Each line reaches the model, each request stays in its budget, each statement stands once."""
    long = session(WORDS_OF_90_MINUTES // 18)
    endpoint.script = echoes(endpoint)
    found = texts(drafted(endpoint, long, window_tokens=4_000))
    assert sorted(found) == sorted({f"Day {1000 + n} was mentioned." for n in range(len(long.utterances))})
    assert len(endpoint.asked) > 3
    for body in endpoint.asked:
        assert len(json.dumps(utterances(body))) / 3.0 <= 4_100
    assert '"part": "1 of ' in endpoint.asked[0]["messages"][1]["content"]


def test_windows_hold_every_line_and_repeat_only_a_few(endpoint: Endpoint) -> None:
    """A budget is kept for any session; a line longer than it stands alone."""
    lines = session(300).utterances
    parts = windows(lines, 1_500)
    assert {u.id for part in parts for u in part} == {u.id for u in lines}
    assert all(sum(map(tokens_of, part)) <= 1_500 for part in parts)
    assert sum(map(len, parts)) <= len(lines) + 4 * len(parts)
    alone = windows(transcript("P: " + "word " * 3_000, "C: Yes.").utterances, 500)
    assert [len(part) for part in alone] == [1, 1]


def test_an_answer_that_was_cut_off_is_asked_for_in_halves(endpoint: Endpoint) -> None:
    """The model had no room: smaller parts, nothing lost."""
    endpoint.script = echoes(endpoint, most=20)
    found = texts(drafted(endpoint, session(50)))
    assert sorted(found) == [f"Day {1000 + n} was mentioned." for n in range(50)]


def test_an_answer_that_is_always_cut_off_is_given_up(endpoint: Endpoint) -> None:
    """The halving ends, with a cause."""
    endpoint.script = echoes(endpoint, most=0)
    with pytest.raises(DraftRejected) as caught:
        drafted(endpoint, session(40))
    assert caught.value.code == "draft_unusable"
    assert len(endpoint.asked) <= MOST_REQUESTS


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "This model's maximum context length is 2048 tokens"),
        (400, "Prompt contains 9000 tokens and 0 draft tokens, too large for model"),
        (413, "Payload refused"),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 9000"),
        (500, "the request exceeds the available context size. try increasing it"),
    ],
    ids=["vllm", "mistral", "proxy", "tgi", "llama.cpp"],
)
def test_a_request_beyond_the_model_s_context_is_asked_in_halves(endpoint: Endpoint, status: int, said: str) -> None:
    """Each server has a number and words of its own for it."""
    whole = echoes(endpoint)

    def script(handler: BaseHTTPRequestHandler) -> None:
        if len(utterances(endpoint.asked[-1])) > 30:
            send(json.dumps({"error": {"message": said}}).encode(), status=status)(handler)
        else:
            whole(handler)

    endpoint.script = script
    assert len(texts(drafted(endpoint, session(50)))) == 50


def test_a_server_that_refuses_schemas_is_asked_for_plain_json(endpoint: Endpoint) -> None:
    """The schema then stands in the instructions; the next draft does not try in vain again; a fence is taken off."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        body = endpoint.asked[-1]
        if "response_format" in body:
            send(b'{"error": {"message": "response_format is not supported"}}', status=400)(handler)
        else:
            says("```json\n" + json.dumps(draft_of(("Client is worried about exams.", ["u1"]))) + "\n```")(handler)

    endpoint.script = script
    drafter = OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0)
    for _ in range(2):
        assert isinstance(drafter.draft(transcript(*TALK)), Summary)
    kinds = [body.get("response_format", {}).get("type", "") for body in endpoint.asked]
    assert kinds == ["json_schema", "json_object", "", ""]
    assert '"additionalProperties"' in endpoint.asked[-1]["messages"][0]["content"]


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("temperature", "Unsupported value: 'temperature' does not support 0 with this model."),
        ("response_format", "Input should be 'text' or 'json_object'"),
    ],
)
def test_what_a_server_does_not_take_is_left_out(endpoint: Endpoint, status: int, option: str, said: str) -> None:
    """One complaint costs one request, and none in the next draft."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        body = endpoint.asked[-1]
        is_taken = body.get("temperature") is None
        if option == "response_format":
            is_taken = body["response_format"]["type"] == "json_object"
        refusal = {"detail": [{"loc": ["body", option], "msg": said, "input": "context length exceeded"}]}
        answer = says(draft_of(("Client is worried about exams.", ["u1"])))
        (answer if is_taken else send(json.dumps(refusal).encode(), status=status))(handler)

    endpoint.script = script
    drafter = OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m", timeout_s=5.0)
    for _ in range(2):
        assert isinstance(drafter.draft(transcript(*TALK)), Summary)
    assert len(endpoint.asked) == (3 if status < 500 else 5)


def test_a_server_that_complains_for_ever_is_given_up(endpoint: Endpoint) -> None:
    """There are only so many things to leave out."""
    said = b'{"error": {"message": "temperature and response_format are not supported"}}'
    endpoint.script = send(said, status=422)
    with pytest.raises(DraftRejected) as caught:
        drafted(endpoint, transcript(*TALK))
    assert caught.value.permanent
    assert len(endpoint.asked) == 4


def test_a_server_that_is_slow_is_not_called_full(endpoint: Endpoint) -> None:
    """ "Context" stands in other complaints too."""
    endpoint.script = send(b'{"error": "context deadline exceeded"}', status=500)
    with pytest.raises(DraftRejected) as caught:
        drafted(endpoint, transcript(*TALK))
    assert (caught.value.code, caught.value.permanent) == ("draft_refused", False)
    assert len(endpoint.asked) == 3


def test_another_400_is_not_tried_in_other_forms(endpoint: Endpoint) -> None:
    """An unknown model stays unknown."""
    endpoint.script = send(b'{"error": {"message": "no such model"}}', status=400)
    with pytest.raises(DraftRejected) as caught:
        drafted(endpoint, transcript(*TALK))
    assert caught.value.permanent
    assert len(endpoint.asked) == 1


def test_an_answer_that_is_no_draft_is_asked_for_once_more(endpoint: Endpoint) -> None:
    """Small models fall out of the shape; the second try says so."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        is_first = len(endpoint.asked) == 1
        says("Sure! Here it is." if is_first else draft_of(("Client is worried about exams.", ["u1"])))(handler)

    endpoint.script = script
    assert texts(drafted(endpoint, transcript(*TALK))) == ["Client is worried about exams."]
    assert "JSON" in endpoint.asked[1]["messages"][2]["content"]


def test_too_many_requests_is_waited_out(endpoint: Endpoint) -> None:
    """A 429 passes; the server's own wait is kept."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        if len(endpoint.asked) < 3:
            send(b"{}", status=429)(handler)
        else:
            says(draft_of(("Client is worried about exams.", ["u1"])))(handler)

    endpoint.script = script
    assert texts(drafted(endpoint, transcript(*TALK))) == ["Client is worried about exams."]


def test_an_endless_answer_is_refused_before_it_fills_the_memory(endpoint: Endpoint) -> None:
    """Read to a limit, not to the end."""
    endpoint.script = says("x" * 2_000_000)
    with pytest.raises(DraftRejected) as caught:
        drafted(endpoint, transcript(*TALK))
    assert caught.value.code == "draft_unusable"


def test_a_truncated_answer_is_refused(endpoint: Endpoint) -> None:
    """A connection that ends in mid-answer gives no draft."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        handler.wfile.write(b'{"choices": [')
        handler.close_connection = True

    endpoint.script = script
    with pytest.raises(DraftRejected):
        drafted(endpoint, transcript(*TALK))


def test_example_notes_travel_as_data_and_give_no_facts(endpoint: Endpoint, tmp_path: Path) -> None:
    """Only where the clinic set a folder; a fact of an example that nobody said has no source."""
    (tmp_path / "a.txt").write_text("Client walked the dog in Lisbon.", encoding="utf-8")
    (tmp_path / "b.md").write_text("not this", encoding="utf-8")
    endpoint.script = says(
        draft_of(("Client walked the dog in Lisbon.", ["u1"]), ("Client worries about exams.", ["u1"]))
    )
    found = drafted(endpoint, transcript(*TALK), examples=style_examples(tmp_path))
    data = json.loads(endpoint.asked[0]["messages"][1]["content"])
    assert data["style_examples"] == ["Client walked the dog in Lisbon."]
    assert "Lisbon" not in endpoint.asked[0]["messages"][0]["content"]
    assert [s.verdict for s in found.sections[0].statements] == ["no source", "supported"]
    drafted(endpoint, transcript(*TALK))
    assert not re.search("style_examples", endpoint.asked[-1]["messages"][1]["content"])
