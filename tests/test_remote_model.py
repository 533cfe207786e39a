"""The client of an endpoint is made in one place: no clear text, no detour, no endless waiting."""

import pytest

from smart_app.errors import ConfigError
from smart_app.remote_model import RETRIES, client_of


@pytest.mark.parametrize("url", ["https://models.clinic.example/v1", "http://127.0.0.1:9/v1", "http://[::1]:9/v1"])
def test_https_and_this_machine_are_taken(url: str) -> None:
    """Each try ends in time, tries are counted, and no redirect or proxy of the environment is followed."""
    client = client_of(url, api_key="", timeout_s=7.0, what="draft")
    assert (client.timeout, client.max_retries, client.api_key) == (7.0, RETRIES, "none")
    assert client._client.follow_redirects is False
    assert client._client.trust_env is False
    client.close()


@pytest.mark.parametrize(
    "url",
    ["http://models.clinic.example/v1", "https://user:pw@x.example", "ftp://127.0.0.1", "https://", "http://[", ""],
)
@pytest.mark.parametrize(("what", "name"), [("draft", "drafting"), ("speech", "speech")])
def test_any_other_address_is_refused_and_named(url: str, what: str, name: str) -> None:
    """What was said would go out in the clear, or a password would stand in the settings' words."""
    with pytest.raises(ConfigError) as refused:
        client_of(url, api_key="k", timeout_s=7.0, what=what)
    assert refused.value.code == f"{what}_url"
    assert refused.value.public.startswith(f"The {name} endpoint must be an https address")
