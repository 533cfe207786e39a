"""The demo's sample client: a second browser that joins by a real link when it is asked to (demo only)."""

import json
from urllib.parse import urlsplit

from smart_app.errors import ChartsideError
from smart_app.ports import Http


def ask_to_join(http: Http, listener_url: str, link: str) -> None:
    """Ask the sample client to join by this link. Raises ChartsideError when it cannot."""
    parts = urlsplit(listener_url)
    answer = http.post_form(
        listener_url,
        json.dumps({"url": link}),
        headers={"Content-Type": "application/json"},
        origins=frozenset({f"{parts.scheme}://{parts.netloc}"}),
    )
    if not 200 <= answer.status < 300:
        raise ChartsideError(
            "no_sample_client",
            "The sample client did not start.",
            "Send the invitation link to another browser instead.",
        )
