"""G11: random input to what reads foreign data: chunk types, token answers, discovery, FHIR, templates, the renderer.

`make campaign-fuzz`, or `python -m tests.campaigns.fuzz --seconds 60` (for each target). atheris leads the input by the
code that it reaches; each target runs in a process of its own, which a crash ends. A crash becomes a case of
tests/bad_input/test_fuzz.py.
"""

import argparse
import importlib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from smart_app import config, summary_shape
from smart_app.chart import resources
from smart_app.draft.render import summary_text
from smart_app.errors import ChartsideError
from smart_app.launch.discovery import Discovery
from smart_app.launch.tokens import is_usable, lifetime_s
from smart_app.note import questionnaire_file
from smart_app.ports import HttpAnswer, Summary
from smart_app.recording.media_types import container_of
from smart_app.transcript import json_shape as transcripts
from tests.conftest import FrozenClock, environment
from tests.trust import figures

CAMPAIGN = "fuzz"
ENDS_WITHIN_S = 60
ISS = "http://localhost:8090/fhir"


class Ehr:
    """The facts of a registered EHR that discovery asks for, and the one answer that it gives to everything."""

    def __init__(self, body: bytes) -> None:
        self._answer = HttpAnswer(status=200, headers={}, body=body)

    def get(self, url: str, *, origins: frozenset[str]) -> HttpAnswer:
        """Answer."""
        return self._answer


def _media_type(body: bytes) -> None:
    container_of(body.decode("latin-1"))


def _token_answer(body: bytes) -> None:
    fields = HttpAnswer(status=200, headers={}, body=body).fields()
    is_usable(fields)
    assert 1 <= lifetime_s(fields) <= 10**9


def _discovery(body: bytes) -> None:
    ehr: Any = _registered()
    http: Any = Ehr(body)
    discovery = Discovery(http=http, clock=FrozenClock())
    with suppress(ChartsideError):
        discovery.find(ehr)
    discovery.find_service(ehr)


@cache
def _registered() -> object:
    with tempfile.TemporaryDirectory() as folder:
        return config.load(environment(Path(folder))).ehr(ISS)


def _resource(body: bytes) -> None:
    found = HttpAnswer(status=200, headers={}, body=body).fields()
    resources.patient_facts(found, (), ())
    resources.medication_name(found)
    resources.problem_name(found)
    resources.patients_of(found, ISS)
    resources.encounters_of(found, ISS)
    resources.plain_text(found)
    resources.outcome_text(found)
    resources.finder(found)


def _template(body: bytes) -> None:
    questionnaire_file.read(body)


def _summary(body: bytes) -> None:
    found = HttpAnswer(status=200, headers={}, body=body).fields()
    summary = summary_shape.from_json(found)
    if isinstance(summary, Summary):
        summary_text(summary)


def _transcript(body: bytes) -> None:
    transcripts.from_json(body)


_PATIENT = {
    "resourceType": "Patient",
    "id": "1",
    "name": [{"use": "official", "given": ["Carol"], "family": "C", "text": "Carol C"}],
    "telecom": [{"system": "phone", "value": "1", "use": "mobile"}],
    "address": [{"line": ["1"], "city": "X", "state": "Y", "postalCode": "1", "country": "Z"}],
    "contact": [{"name": {"text": "P"}, "relationship": [{"text": "x"}], "telecom": [{"system": "phone"}]}],
    "communication": [{"language": {"coding": [{"code": "en"}]}, "preferred": True}],
    "birthDate": "1990-01-01",
    "subject": {"reference": "Patient/1"},
    "encounter": {"reference": "Encounter/1"},
    "context": {"encounter": [{"reference": "Encounter/1"}]},
    "identifier": [{"system": "s", "value": "v"}],
    "medicationCodeableConcept": {"text": "m", "coding": [{"code": "c", "display": "d"}]},
    "code": {"text": "m", "coding": [{"code": "c", "display": "d"}]},
    "content": [{"attachment": {"contentType": "text/plain", "data": "eA=="}}],
    "issue": [{"severity": "error", "code": "x", "diagnostics": "d", "details": {"text": "t"}}],
}
_SMART = {
    "issuer": "http://localhost:8090",
    "jwks_uri": "http://localhost:8090/jwks",
    "authorization_endpoint": "http://localhost:8090/auth",
    "token_endpoint": "http://localhost:8090/token",
    "code_challenge_methods_supported": ["S256"],
    "scopes_supported": ["openid"],
    "capabilities": ["launch-ehr"],
    "keys": [{"kty": "RSA", "kid": "1"}],
    "grant_types_supported": ["client_credentials"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "rest": [{"resource": [{"type": "Patient", "interaction": [{"code": "read"}]}]}],
}
_ITEM = {"linkId": "1", "text": "t", "type": "choice", "answerOption": [{"valueString": "a"}], "item": []}
_LINE = {"id": "u1", "speaker": "client", "start_s": 0.0, "end_s": 1.0, "text": "hello", "words": []}
TARGETS: Mapping[str, tuple[Callable[[bytes], None], bytes]] = {
    "media_type": (_media_type, b"audio/webm;codecs=opus"),
    "token_answer": (_token_answer, b'{"access_token": "x", "token_type": "bearer", "expires_in": 3600}'),
    "discovery": (_discovery, json.dumps(_SMART).encode()),
    "resource": (_resource, json.dumps(_PATIENT).encode()),
    "template": (
        _template,
        json.dumps({"resourceType": "Questionnaire", "title": "t", "item": [_ITEM]}).encode(),
    ),
    "summary": (
        _summary,
        json.dumps(
            {
                "format": summary_shape.SUMMARY,
                "sections": [{"key": "plan", "statements": [{"text": "t", "evidence": ["u1"], "verdict": "partly"}]}],
            }
        ).encode(),
    ),
    "transcript": (
        _transcript,
        json.dumps({"format": transcripts.FORMAT, "utterances": [_LINE], "duration_s": 1}).encode(),
    ),
}
"""What reads foreign bytes, each with an example of what it should get."""
ODD: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    10**400,
    float("inf"),
    float("nan"),
    "",
    "²",
    "9" * 5000,
    "http://[",
    [],
    {},
    [None],
    {"a": []},
)


def try_one(name: str, body: bytes) -> None:
    """Give a target one input; raises what is no refusal of ours."""
    with suppress(ChartsideError):
        TARGETS[name][0](body)


def odd_inputs(name: str, *, seed: int, cases: int) -> list[bytes]:
    """Return changed examples: in JSON one value or name is an odd one, elsewhere and at times bytes are."""
    dice, example = random.Random(seed), TARGETS[name][1]
    found = []
    for _ in range(cases):
        with suppress(ValueError):
            tree = json.loads(example)
            if dice.random() < 0.85:
                _spoil(tree, dice)
                found.append(json.dumps(tree).encode())
                continue
        changed = bytearray(example)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        found.append(bytes(changed))
    return found


def _spoil(tree: Any, dice: random.Random) -> None:
    """Replace one value somewhere in a tree by an odd one, or its name."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = dice.choice(keys)
    if isinstance(tree[key], dict | list) and tree[key] and dice.random() < 0.7:
        _spoil(tree[key], dice)
    elif isinstance(tree, dict) and dice.random() < 0.15:
        tree[f"{key}X"[dice.randrange(2) :]] = tree.pop(key)
    else:
        tree[key] = dice.choice(ODD)


def fuzz(name: str, seconds: int, folder: str) -> None:
    """Let atheris lead one target; does not return."""
    atheris: Any = importlib.import_module("atheris")  # has no types

    for function in _own_functions():
        atheris.instrument_func(function)
    argv = ["fuzz", f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10", f"-artifact_prefix={folder}/"]
    atheris.Setup([*argv, f"{folder}/corpus"], lambda body: try_one(name, body))
    atheris.Fuzz()


def _own_functions() -> list[FunctionType]:
    """Return the product's functions that are loaded; atheris takes minutes to follow everything that Python has."""
    modules = [module for name, module in sys.modules.items() if name.startswith(("smart_app.", "fhir_mappings."))]
    spaces: list[Mapping[str, Any]] = [vars(module) for module in modules]
    spaces += [vars(kind) for space in spaces for kind in space.values() if isinstance(kind, type)]
    found = {each for space in spaces for value in space.values() for each in _functions_of(value)}
    files = {module.__file__ for module in modules}
    return sorted((each for each in found if each.__code__.co_filename in files), key=lambda each: each.__qualname__)


def _functions_of(value: object) -> list[FunctionType]:
    parts = (value, getattr(value, "__func__", None), getattr(value, "__wrapped__", None), getattr(value, "fget", None))
    return [each for each in parts if isinstance(each, FunctionType)]


def run(name: str, seconds: int) -> tuple[bool, int]:
    """Fuzz one target in a process of its own; return whether it crashed, and how many inputs it got."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, body in enumerate([TARGETS[name][1], *odd_inputs(name, seed=1, cases=200)]):
            (corpus / str(number)).write_bytes(body)
        command = [sys.executable, "-m", "tests.campaigns.fuzz", "--target", name, "--seconds", str(seconds)]
        done = subprocess.run(
            [*command, "--folder", folder], capture_output=True, text=True, timeout=2 * seconds + 10 * ENDS_WITHIN_S
        )
    counts = [int(each) for each in re.findall(r"^(?:#|Done )(\d+)", done.stderr, re.MULTILINE)]
    if done.returncode:
        print(f"{name}: {done.stderr[-4000:]}", file=sys.stderr)
    return done.returncode != 0, max(counts, default=0)


def main() -> int:
    """Run it; 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--target", choices=TARGETS, default="")
    parser.add_argument("--folder", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder:
        fuzz(asked.target, asked.seconds, asked.folder)
    is_met = True
    for name in [asked.target] if asked.target else TARGETS:
        began = time.monotonic()
        is_broken, inputs = run(name, asked.seconds)
        is_good = not is_broken and inputs > 0
        figures.write(
            "G11",
            f"new crashes of {name}",
            got=int(is_broken),
            goal=0,
            is_met=is_good,
            cases=inputs,
            campaign=CAMPAIGN,
            took_s=round(time.monotonic() - began, 1),
        )
        is_met &= is_good
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
