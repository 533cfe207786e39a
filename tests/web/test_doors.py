"""The doors of the whole app: who is let in where (G13), and what every answer carries (T02, T08, M07)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from smart_app import create_app
from tests.conftest import FrozenClock
from tests.trust.figures import Say
from tests.web import doors
from tests.web.street import CLIENT, OWNER, Street, street

CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""The rule's policy; fonts are our own files. Only the launch's pages may be framed by their EHR, and post to it."""
KEY_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bsk-[A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bxox[abp]-[A-Za-z0-9-]{10,}|\bAIza[0-9A-Za-z_-]{35}\b|\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}"
    r"|(?i:api_?key|secret|password|token)[\"'`]?\s*[:=]\s*[\"'`][^\"'`\s]{12,}[\"'`]"
)
"""What keys of the usual services look like, and a literal given to a name that holds one."""
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style\b|<[^>]+\s(?:on[a-z]+|style)\s*=|=[\"']?\s*javascript:"
    r"|<(?:script|img|iframe|audio|video|source)[^>]+src=[\"']?(?:https?:)?//"
    r"|<link[^>]+href=[\"']?(?:https?:)?//",
    re.IGNORECASE,
)
"""Inline script or style, an event attribute, a script address, and anything that another server would be asked for."""


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The clinic with everybody who may stand at its doors; the limits are off, so that each refusal has its reason."""
    with street(tmp_path_factory.mktemp("street") / "data", FrozenClock()) as made:
        made.site.limiter.enabled = False
        yield made


def _read(block: Street) -> Iterator[tuple[doors.Knock, TestResponse]]:
    """Read every page as the owner, as the client and as a stranger."""
    for knock in doors.knocks(block, is_short=True):
        if knock.method == "GET" and knock.who in (OWNER, CLIENT, "anonymous") and knock.endpoint != "static":
            yield knock, doors.ask(block, knock)


def _policy_of(answer: TestResponse) -> dict[str, str]:
    parts = (each.strip().partition(" ") for each in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def _static_files(app: Flask) -> Iterator[str]:
    folder = Path(str(app.static_folder))
    return (str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def _secrets(block: Street) -> list[bytes]:
    """Return what must never leave the server: keys, the registrations' secrets, the EHR's tokens."""
    settings, ehr = block.site.settings, block.site.ehr
    keys = [settings.master_key.reveal(), settings.signing_key.reveal()]
    keys += [each.client_secret.reveal() for each in settings.ehrs]
    return [*keys, *(token.encode() for token in (*ehr.access, *ehr.refresh))]


@pytest.mark.req("T08", "T02", "T11")
def test_every_answer_has_the_headers_and_no_page_anything_inline(block: Street, figure: Say) -> None:
    """The content policy to the letter, no sniffing, no referrer, no cache, no frame, whoever asks."""
    odd, asked = [], 0
    for knock, answer in _read(block):
        asked += 1
        headers = {name: answer.headers.get(name) for name in ("X-Content-Type-Options", "Referrer-Policy")}
        is_kept_nowhere = answer.headers["Cache-Control"] == "no-store" or knock.endpoint == "launch.jwks"
        is_inline = answer.mimetype == "text/html" and INLINE.search(answer.text) is not None
        if (
            _policy_of(answer) != CSP
            or list(headers.values()) != ["nosniff", "no-referrer"]
            or answer.headers["Cross-Origin-Opener-Policy"] != "same-origin"
            or is_inline
            or not is_kept_nowhere
        ):
            odd.append(f"{knock.words()}: {answer.status_code} {answer.headers}")
    figure("T08", "answers without the full content policy", got=len(odd), goal=0, is_met=not odd, cases=asked)
    assert odd == []
    assert asked > 100
    assert INLINE.search('<p onclick="x()">')


@pytest.mark.req("T08", "M07")
def test_nothing_that_is_served_holds_a_secret(block: Street, figure: Say) -> None:
    """Each static file has the policy and no key in it; none of the site's secrets is on any page."""
    browser, secrets = block.site.app.test_client(), _secrets(block)
    found, count = [], 0
    for name in _static_files(block.site.app):
        answer = browser.get(f"/static/{name}")
        body = answer.get_data()
        answer.close()
        count += 1
        assert _policy_of(answer) == CSP, name
        found += [name] if KEY_SHAPES.search(body.decode("latin-1")) or any(each in body for each in secrets) else []
    for knock, answer in _read(block):
        count += 1
        told = answer.get_data() + str(answer.headers).encode()
        found += [knock.words()] if any(each in told for each in secrets) else []
    figure("M07", "served files and pages that hold a secret", got=len(found), goal=0, is_met=not found, cases=count)
    assert found == []
    assert KEY_SHAPES.search('const apiKey = "abcdefghijklmnop"')


@pytest.mark.req("T02", "T08")
def test_the_launch_page_alone_is_framed_and_by_its_ehr_alone(block: Street) -> None:
    """It sets no cookie and may do nothing that other pages may not."""
    asked = {"iss": block.site.ehr.iss, "launch": "x"}
    framed = block.site.app.test_client().get("/launch", query_string=asked, headers={"Sec-Fetch-Dest": "iframe"})
    told = _policy_of(framed)
    assert told.pop("frame-ancestors") == block.site.ehr.base
    assert told.items() <= CSP.items()
    assert "Set-Cookie" not in framed.headers


@pytest.mark.req("T02")
def test_every_cookie_is_pinned_secure_and_out_of_reach_of_scripts(block: Street, figure: Say) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite=Lax, Path=/, no Domain: of the launch, the room, the form, the language."""
    site = block.site
    app = create_app(replace(site.settings, is_loopback_dev=False), site.kit)
    app.config["WTF_CSRF_ENABLED"] = False
    browser, https = app.test_client(), {"base_url": "https://localhost"}

    def get(path: str, **more: Any) -> TestResponse:
        return browser.get(path, **https, **more)

    launch = {"query_string": {"iss": site.ehr.iss, "launch": "x"}, "headers": {"Sec-Fetch-Dest": "document"}}
    site.ehr.faults.claims["now"] = int(site.clock.now().timestamp())
    asked = get("/launch", **launch)
    arguments = site.ehr.authorise(dict(parse_qsl(urlsplit(asked.location).query)))
    answers = [asked, get("/launch/callback", query_string=arguments), get("/chart"), get("/join?lang=es")]
    _, token = block.live.invite()
    answers.append(app.test_client().post("/join", json={"token": token}, **https))
    answers.append(browser.post("/language", json={"language": "es"}, **https))
    answers.append(browser.post("/sign-out", **https))
    cookies = [each for answer in answers for each in answer.headers.getlist("Set-Cookie")]
    names = {each.partition("=")[0] for each in cookies}
    endings = ("", "-form", "-language", "-launch", "-room")
    assert names == {f"__Host-chartside{ending}" for ending in endings}, [each.status_code for each in answers]
    loose = [
        each
        for each in cookies
        if not {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in each.split(";")}
        or "domain=" in each.lower()
    ]
    figure("T02", "cookies that are not pinned", got=len(loose), goal=0, is_met=not loose, cases=len(cookies))
    assert loose == []
    assert all(each.headers["Strict-Transport-Security"] for each in answers)


@pytest.mark.req("T04", "T03", "G13")
def test_nobody_gets_what_is_not_theirs(block: Street, figure: Say) -> None:
    """Every route by everybody: refused with 401, 403, 404 or 410, nothing changed, nothing told; the owner is let in.

    A new route without a policy, a known path value or a word about its body fails here.
    """
    found = doors.walk(block, is_short=True)
    figure("G13", "wrong allows", got=len(found.wrong), goal=0, is_met=not found.wrong, cases=found.asked)
    assert found.wrong == ()
    assert found.undecided == ()
    assert found.shut_out == ()
    assert found.asked > 1000
