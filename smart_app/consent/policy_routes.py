"""The consent text at the address that every Consent names as its policy: by version, with languages and hashes."""

from flask import Blueprint, Response, render_template

from smart_app.consent import screen
from smart_app.errors import NotFound
from smart_app.web.policy import Who, allow


def _languages(version: int) -> tuple[str, ...]:
    """Return the version's languages. Raises NotFound."""
    found = screen.languages_of(version)
    if not found:
        raise NotFound
    return found


@allow(Who.PUBLIC)
def policy_page(version: int) -> str:
    """Show a version in every language; each stands under the hash that is the fragment of `Consent.policy.uri`."""
    texts = [
        {
            "language": each,
            "title": screen.text(version, each).title,
            "lines": screen.whole_text(version, each).split("\n")[1:],
            "sha256": screen.text_sha256(version, each),
        }
        for each in _languages(version)
    ]
    return render_template("policy.html", version=version, newest=screen.TEXT_VERSION, texts=texts)


@allow(Who.PUBLIC)
def policy_text(version: int, spoken: str) -> Response:
    """Return the very bytes whose SHA-256 stands in `Consent.policy.uri`."""
    if spoken not in _languages(version):
        raise NotFound
    return Response(screen.whole_text(version, spoken), mimetype="text/plain", headers={"Content-Language": spoken})


def serve(room: Blueprint) -> None:
    """Add the routes."""
    room.get("/policies/recording-consent/v<int:version>")(policy_page)
    room.get("/policies/recording-consent/v<int:version>/<spoken>.txt")(policy_text)
