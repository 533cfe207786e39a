"""A recogniser behind an endpoint, against a local server that plays a script: good, wrong, slow, broken."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from plugin.sandbox.sample import CALL
from smart_app.errors import ConfigError, TranscriptFailed
from smart_app.ports import SAMPLE_RATE, Sound
from smart_app.transcript.decode import decode
from smart_app.transcript.openai_compatible import MAX_HINT_CHARS, OpenAICompatibleTranscriber
from tests.transcript.sounds import noise, silence

HINTS = ["sertraline", "Maya Lin"]


@dataclass
class Service:
    """What the scripted server answers, one after another (the last one for ever), and what it was asked."""

    answers: list[tuple[int, Any]]
    asked: list[bytes] = field(default_factory=list)
    base_url: str = ""

    def field(self, name: str) -> str | None:
        found = re.search(rf'name="{re.escape(name)}"\r\n\r\n(.*?)\r\n'.encode(), self.asked[-1], re.S)
        return found.group(1).decode() if found else None


@contextmanager
def service(*answers: tuple[int, Any]) -> Iterator[Service]:
    """Serve the answers on a free port."""
    script = Service(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if status == 0:  # slower than anybody waits
                self.close_connection = True
                return
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    script.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def words(*said: tuple[str, float, float], logprob: float = -0.2, no_speech: float = 0.0) -> tuple[int, Any]:
    listed = [{"word": word, "start": start, "end": end} for word, start, end in said]
    segment = {"avg_logprob": logprob, "no_speech_prob": no_speech, "compression_ratio": 1.2, "text": "kept out"}
    return 200, {"text": "ignored", "words": listed, "segments": [segment], "language": "english"}


def transcriber(to: Service, *, sends_hints: bool = False, timeout_s: float = 5) -> OpenAICompatibleTranscriber:
    return OpenAICompatibleTranscriber(
        base_url=to.base_url, api_key="k", model="m", sends_hints=sends_hints, timeout_s=timeout_s
    )


@pytest.fixture(scope="module")
def speaking() -> Sound:
    """Four seconds of silence, then six of the clinician."""
    call = decode(CALL.read_bytes(), max_s=500, channels=2)[0]
    return np.concatenate((silence(4)[0], call[: 6 * SAMPLE_RATE]))


def test_words_come_back_at_their_place_in_the_track(speaking: Sound) -> None:
    """Only the speech is sent; the times of the answer are moved to the track's clock."""
    with service(words(("Good", 0.2, 0.6), ("morning.", 0.6, 3.9))) as to:
        heard = transcriber(to).transcribe(speaking)
    assert [word.text for word in heard.words] == ["Good", "morning."]
    assert 4.3 < heard.words[0].start_s < 5.5
    assert heard.model == "openai-compatible:m"
    assert b"RIFF" in to.asked[0]
    assert len(to.asked[0]) < 7 * SAMPLE_RATE * 2 + 4000


@pytest.mark.req("B08")
def test_nothing_is_sent_where_nobody_speaks() -> None:
    """Silence and noise never leave, so nothing can be invented for them."""
    with service(words(("Thank", 0, 1), ("you.", 1, 2))) as to:
        assert transcriber(to).transcribe(silence(20)[0]).words == ()
        assert transcriber(to).transcribe(noise(20)).words == ()
    assert to.asked == []


@pytest.mark.req("B11", "T14")
def test_names_of_the_chart_stay_here_unless_allowed(speaking: Sound) -> None:
    """Hints are a patient's data: they leave only with the clinic's word, and never without a limit."""
    with service(words(("Good", 0.2, 3.9))) as to:
        transcriber(to).transcribe(speaking, hotwords=HINTS)
        assert b"sertraline" not in b"".join(to.asked)
        assert to.field("prompt") is None
        transcriber(to, sends_hints=True).transcribe(speaking, hotwords=[*HINTS, *(f"name{i}" for i in range(500))])
        prompt = to.field("prompt")
    assert prompt is not None
    assert prompt.startswith("sertraline, Maya Lin, name0")
    assert len(prompt) <= MAX_HINT_CHARS


def test_the_language_of_the_session_is_asked_for(speaking: Sound) -> None:
    """The service does not guess the language."""
    with service(words(("Buenos", 0.2, 3.9))) as to:
        assert transcriber(to).transcribe(speaking, language="es").language == "es"
        assert to.field("language") == "es"


@pytest.mark.req("B08")
def test_what_the_service_calls_a_guess_is_dropped(speaking: Sound) -> None:
    """The guards hold for a service's words too: a guess, and a loop."""
    with service(words(("Thank", 0, 1), ("you.", 1, 2), logprob=-2.0)) as to:
        assert transcriber(to).transcribe(speaking).words == ()
    with service(words(*(("so", i * 0.12, i * 0.12 + 0.12) for i in range(15)))) as to:
        heard = transcriber(to).transcribe(speaking)
    assert [word.text for word in heard.words].count("so") < 4


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "no words"},
        {"words": [{"word": "late", "start": 100.0, "end": 101.0}]},
        {"words": [{"word": "back", "start": 2.0, "end": 1.0}]},
        {"words": [{"word": "x" * 500, "start": 0.0, "end": 1.0}]},
        {"words": [{"word": "many", "start": 0.0, "end": 0.1}] * 3000},
        {"words": [{"word": "not a time", "start": "soon", "end": None}]},
        {"text": "I went to see my sister.", "words": []},
        {"words": [{"word": word, "start": 0.0, "end": 0.0} for word in ("two", "words")]},
        {"words": [{"word": f"w{n}", "start": 0.5 + n / 250, "end": 0.5 + n / 250} for n in range(300)]},
        b"<html>",
        b"[" * 5000,
        b"",
    ],
    ids=[
        *("no words", "outside", "backwards", "long word", "many", "no time", "text without words", "at one moment"),
        *("too fast", "html", "deep", "empty"),
    ],
)
def test_an_unusable_answer_is_refused_whole(speaking: Sound, answer: Any) -> None:
    """Nothing of an answer that breaks the shape is used."""
    with service((200, answer)) as to, pytest.raises(TranscriptFailed) as failed:
        transcriber(to).transcribe(speaking)
    assert failed.value.code == "speech_unusable"


def test_a_few_words_at_one_moment_spoil_no_more_than_their_times(speaking: Sound) -> None:
    """Services put the last words of a window together now and then; the rest is as good as ever."""
    slow = [(f"word{n}", n * 0.4, n * 0.4 + 0.3) for n in range(9)]
    with service(words(*slow, *((f"late{n}", 3.9, 3.9) for n in range(5)))) as to:
        assert len(transcriber(to).transcribe(speaking).words) == 14


@pytest.mark.parametrize(
    ("said", "text", "expected"),
    [
        (
            "good morning it's five I think",
            "Good morning! It\u2019s five, I think.",
            "Good morning! It\u2019s five, I think.",
        ),
        ("good morning maya", "Good evening, Maya.", "Good morning Maya."),
        ("Good morning.", "good morning, you there", "Good morning."),
        ("good morning", "", "good morning"),
        ("two well two", "\u2013 Two. \x00Well, two?", "Two. Well, two?"),
    ],
)
def test_bare_words_take_the_punctuation_of_the_text(speaking: Sound, said: str, text: str, expected: str) -> None:
    """The words are those with times; the text adds marks and capitals, never a word."""
    each_s = 5.5 / len(said.split())
    listed = [{"word": w, "start": n * each_s, "end": (n + 1) * each_s} for n, w in enumerate(said.split())]
    with service((200, {"text": text, "words": listed})) as to:
        assert " ".join(word.text for word in transcriber(to).transcribe(speaking).words) == expected


def test_letters_that_nobody_sees_are_taken_out_of_words(speaking: Sound) -> None:
    """NUL and marks that turn the direction of writing reach no page; a word of nothing else is none."""
    with service(words(("fi\x00ve\u202e", 0.2, 0.6), ("\u200f", 0.6, 0.7), ("days.", 0.7, 3.9))) as to:
        assert [word.text for word in transcriber(to).transcribe(speaking).words] == ["five", "days."]


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (413, True), (302, True)])
def test_a_refusal_is_not_repeated(speaking: Sound, status: int, permanent: bool) -> None:
    """A wrong key or address stays wrong; a redirect is never followed."""
    with service((status, {"error": {"message": "sertraline"}})) as to, pytest.raises(TranscriptFailed) as failed:
        transcriber(to).transcribe(speaking)
    assert failed.value.code == "speech_refused"
    assert failed.value.permanent is permanent
    assert "sertraline" not in failed.value.public
    assert len(to.asked) == 1


def test_a_busy_service_is_asked_three_times(speaking: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries have a limit, and an answer on the way ends them."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    with service((503, {}), (200, words(("Good", 0.2, 3.9))[1])) as to:
        assert transcriber(to).transcribe(speaking).words
    with service((503, {})) as to, pytest.raises(TranscriptFailed) as failed:
        transcriber(to).transcribe(speaking)
    assert failed.value.code == "speech_refused"
    assert not failed.value.permanent
    assert len(to.asked) == 3


def test_a_service_that_is_gone_is_named(speaking: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed connection, and nobody there at all, end within the tries."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    with service((0, {})) as to, pytest.raises(TranscriptFailed) as failed:
        transcriber(to).transcribe(speaking)
    assert failed.value.code == "speech_unreachable"
    with pytest.raises(TranscriptFailed) as failed:
        transcriber(to).transcribe(speaking)
    assert failed.value.code == "speech_unreachable"


@pytest.mark.parametrize("url", ["http://speech.example/v1", "ftp://127.0.0.1/v1", "", "https://"])
@pytest.mark.req("T14")
def test_voices_never_travel_in_the_clear(url: str) -> None:
    """An address without https is refused, but on this machine."""
    with pytest.raises(ConfigError):
        OpenAICompatibleTranscriber(base_url=url, api_key="", model="m")
