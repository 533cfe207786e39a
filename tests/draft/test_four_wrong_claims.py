"""The four wrong claims that a fluent model made of the therapy call: each refused, whatever drafter says it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_app.draft.builtin import BuiltinDrafter
from smart_app.draft.checks import checked_all
from smart_app.draft.json_shape import transcript_from_json
from smart_app.draft.openai_compatible import OpenAICompatibleDrafter
from smart_app.ports import Statement, Summary
from tests.draft.endpoint import Endpoint, draft_of, says
from tests.draft.said import everything, transcript

pytestmark = pytest.mark.req("B06")
CALL = transcript_from_json(
    json.loads((Path(__file__).parent / "data" / "therapy_call.json").read_text(encoding="utf-8"))
)
ALCOHOL = [["u29", "u30"], ["u30"], ["u32"], ["u29", "u30", "u31", "u32"], ["u20", "u30"]]
HEADACHES = [["u25", "u26"], ["u26"], ["u23", "u24", "u25", "u26"]]
RISK = [["u51", "u52"], ["u52"], ["u51", "u52", "u53", "u54"], ["u51", "u52", "u53", "u54", "u55", "u56"]]
CLAIMS: list[tuple[str, list[list[str]]]] = [
    # The brother's drinking, as the client's.
    ("Client reports alcohol use.", ALCOHOL),
    ("Client drinks a lot of alcohol.", ALCOHOL),
    ("Client struggles with alcohol use.", ALCOHOL),
    ("Substance use: alcohol.", ALCOHOL),
    # Headaches, which she denied.
    ("Client has headaches.", HEADACHES),
    ("Client reports nausea and headaches.", HEADACHES),
    ("Side effects: headaches.", HEADACHES),
    # Risk ruled out.
    ("Risk: none.", RISK),
    ("No risk identified.", RISK),
    ("Client is not at risk.", RISK),
    # The thoughts of the past lost in the denial of today.
    ("Client denies suicidal ideation.", RISK),
    ("Client denies thoughts of dying or hurting herself.", RISK),
    ("Client has never had suicidal thoughts.", RISK),
    ("No history of suicidal ideation or self-harm.", RISK),
    ("Client denies past or present thoughts of suicide.", RISK),
    ("Suicidal ideation: none.", RISK),
]
EACH = [(text, evidence) for text, sources in CLAIMS for evidence in sources]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """A scripted endpoint."""
    made = Endpoint()
    yield made
    made.close()


def test_an_endpoint_that_says_them_gets_none_into_a_note(endpoint: Endpoint) -> None:
    """However it words them and whatever lines it names: no source, so that the note waits for the clinician."""
    for at in range(max(len(sources) for _, sources in CLAIMS)):
        said = [(text, sources[at]) for text, sources in CLAIMS if at < len(sources)]
        endpoint.script = says(draft_of(*said))
        summary = OpenAICompatibleDrafter(base_url=endpoint.url, api_key="k", model="m").draft(CALL)
        assert isinstance(summary, Summary)
        assert {s.verdict for s in everything(summary)} == {"no source"}


@pytest.mark.parametrize("style", ["soap", "dap", "birp", "girp", "narrative"])
def test_the_built_in_drafter_says_none_of_them(style: str) -> None:
    """Its draft holds both halves: what she denies today, and what was when she was nineteen."""
    summary = BuiltinDrafter().draft(CALL, style=style)
    assert isinstance(summary, Summary)
    texts = [s.text for s in everything(summary)]
    assert not {text for text, _ in CLAIMS} & set(texts)
    assert any("not thought about dying" in text for text in texts)
    assert any("when I was nineteen" in text for text in texts)
    assert not any(text.startswith("Client") and "drinks" in text and "brother" not in text for text in texts)


@pytest.mark.parametrize(
    "said",
    [
        [("Client currently denies thoughts of dying or hurting herself.", ["u51", "u52"])],
        [("Client denies thoughts of dying now, but had them once at nineteen.", ["u51", "u52", "u53", "u54"])],
        [("Client denies thoughts of dying, but had them once at nineteen.", ["u51", "u52", "u53", "u54"])],
        [
            ("Client denies thoughts of dying or hurting herself.", ["u51", "u52"]),
            ("Client had such thoughts once at nineteen, after her father died.", ["u53", "u54"]),
        ],
        [("Client had thoughts of dying once, at nineteen, and did not act on them.", ["u53", "u54"])],
    ],
)
def test_a_denial_that_says_when_or_stands_beside_the_past_is_supported(said: list[tuple[str, list[str]]]) -> None:
    """A check that flags the true as false is switched off by its readers."""
    made = [
        Statement(id=f"s{n}", text=text, evidence=tuple(evidence), verdict="supported")
        for n, (text, evidence) in enumerate(said)
    ]
    assert [s.verdict for s in checked_all(made, CALL)] == ["supported"] * len(made)


@pytest.mark.parametrize(
    ("lines", "claim", "verdict"),
    [
        (("C: Any thoughts of suicide?", "P: No."), "Client denies suicidal thoughts.", "supported"),
        (
            ("C: Any thoughts of suicide?", "P: No.", "P: I took an overdose three years ago."),
            "Client denies suicidal thoughts or self-harm.",
            "no source",
        ),
        (
            ("C: Any thoughts of suicide?", "P: No.", "P: My brother tried to kill himself."),
            "Client denies suicidal thoughts.",
            "supported",
        ),
        (
            ("C: Any thoughts of suicide?", "P: No.", "C: And before?", "P: I never wanted to kill myself."),
            "Client denies suicidal thoughts.",
            "supported",
        ),
        (
            ("C: Any thoughts of suicide?", "P: No.", "P: I keep thinking of killing myself."),
            "Client denies suicidal thoughts.",
            "no source",
        ),
        (
            ("C: Have you ever tried to kill yourself?", "P: No.", "P: I wanted to die when I was young."),
            "Client has never tried to kill themselves.",
            "supported",
        ),
        (
            ("C: Is there any suicide in your family?", "P: No.", "P: I wanted to die when I was young."),
            "Client denies any suicide in the family.",
            "supported",
        ),
    ],
)
def test_a_denial_of_risk_is_held_against_the_whole_session(lines: tuple[str, ...], claim: str, verdict: str) -> None:
    """Only what the client tells of themselves, as it happened, speaks against it."""
    told = transcript(*lines)
    statement = Statement(id="s1", text=claim, evidence=("u1", "u2"), verdict="supported")
    assert checked_all([statement], told)[0].verdict == verdict
