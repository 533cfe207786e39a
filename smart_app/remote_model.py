"""The client of an OpenAI-compatible endpoint, made in one place for what recognises and for what drafts."""

from urllib.parse import urlsplit

import openai

from smart_app.errors import ConfigError

RETRIES = 2
"""How often a request is repeated after a lost connection, a 429 or a 5xx."""
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


def _is_safe(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_local = parts.scheme == "http" and host in _THIS_MACHINE
    return bool(host) and parts.username is None and (parts.scheme == "https" or is_local)


def client_of(base_url: str, *, api_key: str, timeout_s: float, what: str) -> openai.OpenAI:
    """Return a client whose every try ends after `timeout_s`; `what` is draft or speech, for the words of a refusal.

    Raises ConfigError for an address that would send what was said in the clear, or that holds a password.
    """
    if not _is_safe(base_url):
        name = {"draft": "drafting", "speech": "speech"}[what]
        raise ConfigError(f"{what}_url", f"The {name} endpoint must be an https address (or http on this machine).")
    return openai.OpenAI(
        base_url=base_url,
        api_key=api_key or "none",
        timeout=timeout_s,
        max_retries=RETRIES,
        # A redirect or a proxy from the environment would carry what was said to an address nobody configured.
        http_client=openai.DefaultHttpxClient(follow_redirects=False, trust_env=False, timeout=timeout_s),
    )
