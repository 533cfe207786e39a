"""No host but this machine gets what was said unless an administrator named it with its agreement (T14)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app import config
from smart_app.config import Settings
from smart_app.errors import ConfigError
from smart_app.processors import Processor, is_covered
from tests.conftest import environment

pytestmark = pytest.mark.req("T14")
AGREEMENT = "BAA of 2026-03-01, signed by Erin Walsh"
ENGINES = {
    "CHARTSIDE_DRAFTER": ("CHARTSIDE_DRAFTER_URL", "CHARTSIDE_DRAFTER_MODEL"),
    "CHARTSIDE_SPEECH": ("CHARTSIDE_SPEECH_URL", "CHARTSIDE_SPEECH_REMOTE_MODEL"),
}


def load(tmp_path: Path, engine: str, url: str, processors: object = None) -> Settings:
    """Load a site whose recogniser or drafter is at `url`."""
    address, model = ENGINES[engine]
    more = {engine: "openai", address: url, model: "m"}
    if processors is not None:
        more["CHARTSIDE_PROCESSORS"] = processors if isinstance(processors, str) else json.dumps(processors)
    return config.load(environment(tmp_path, **more))


@pytest.mark.req("B12")
def test_every_model_is_local_unless_something_is_set(settings: Settings) -> None:
    """A fresh installation sends nothing anywhere."""
    assert (settings.speech, settings.drafter, settings.speech_url, settings.drafter_url) == (
        "builtin",
        "builtin",
        "",
        "",
    )
    assert settings.sends_speech_hints is False


@pytest.mark.parametrize("engine", ENGINES)
def test_a_host_without_an_agreement_stops_the_start(tmp_path: Path, engine: str) -> None:
    """Not named at all, named without its agreement, another host's agreement, a bare yes: each is refused."""
    url = "https://api.example.org/v1"
    entry = {"host": "api.example.org", "agreement": AGREEMENT}
    for listed in (
        None,
        [],
        [{"host": "api.example.org"}],
        [{**entry, "agreement": "yes"}],
        [{**entry, "host": "example.org"}],
        [{**entry, "host": ""}],
        {"host": "api.example.org"},
        "no json",
    ):
        with pytest.raises(ConfigError) as refused:
            load(tmp_path, engine, url, listed)
        assert "CHARTSIDE_PROCESSORS" in refused.value.public
    assert load(tmp_path, engine, url, [entry])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "http://localhost:8000/v1"])
def test_a_model_on_this_machine_needs_no_agreement(tmp_path: Path, engine: str, url: str) -> None:
    """Nothing leaves."""
    assert load(tmp_path, engine, url)


@given(st.from_regex(r"https://[a-z0-9.@:\[\]\\/-]{1,40}", fullmatch=True))
def test_no_form_of_an_address_passes_as_this_machine_or_a_listed_host(url: str) -> None:
    """User names, ports, dots and brackets: what is not exactly a listed host is not covered."""
    listed = (Processor(host="api.example.org", agreement=AGREEMENT),)
    assert not is_covered(url, listed)
    for tricked in (
        "https://api.example.org@evil.example/",
        "https://localhost.evil.example/",
        "https://127.0.0.1.nip.io/",
    ):
        assert not is_covered(tricked, listed)
    assert is_covered("https://API.example.org:443/v1", listed)
