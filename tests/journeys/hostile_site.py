"""A clinic in which everything that can be written is hostile: names, chart, speech, draft, errors, the EHR's look.

It is served over HTTP on this machine, for a real browser to look at.
"""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server

from plugin.sandbox.process import free_port
from smart_app.draft.builtin import BuiltinDrafter
from smart_app.ports import Section, Statement, Summary, TooLittle, Transcript
from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import ENOUGH, Site, launch, whole_site
from tests.fakes.smart_ehr import SmartEhr

PAYLOADS = (
    "<script>pwn('{n}')</script>",
    "<img src=x onerror=pwn('{n}')>",
    "<svg onload=pwn('{n}')>",
    "\"><script>pwn('{n}')</script>",
    "'><img src=x onerror=pwn('{n}')>",
    "</title></textarea></script><script>pwn('{n}')</script>",
    "<iframe srcdoc=\"<script>parent.pwn('{n}')</script>\"></iframe>",
    "<a href=\"javascript:pwn('{n}')\">x</a>",
    "\" autofocus onfocus=pwn('{n}') x=\"",
    "<details open ontoggle=pwn('{n}')>",
    "<math><mtext><style><img src=x onerror=pwn('{n}')>",
    "<!--><img src=x onerror=pwn('{n}')>-->",
    "{{{{constructor.constructor('pwn(1)')()}}}}",
    "${{pwn('{n}')}}",
    "</style><script>pwn('{n}')</script>",
    "\\u003cimg src=x onerror=pwn('{n}')\\u003e",
)


def payload(number: int, place: str) -> str:
    """Return one payload that says where it stood when it runs."""
    return PAYLOADS[number].format(n=f"{place} {number}")


class HostileDrafter:
    """Drafts as usual, and puts a payload behind every statement and title."""

    def __init__(self, number: int) -> None:
        self._number = number

    def _worse(self, each: Statement) -> Statement:
        bad = payload(self._number, "draft")
        return dataclasses.replace(each, text=f"{each.text} {bad}", why=f"{each.why} {bad}")

    def draft(self, transcript: Transcript, *, style: str = "soap") -> Summary | TooLittle:
        """Draft it."""
        made = BuiltinDrafter().draft(transcript, style=style)
        if isinstance(made, TooLittle):
            return made
        sections = tuple(
            Section(
                key=each.key,
                title=each.title,
                hint=payload(self._number, "hint"),
                statements=tuple(self._worse(one) for one in each.statements),
            )
            for each in made.sections
        )
        return dataclasses.replace(made, sections=sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """The clinic, the payload's number, and what a browser opens there."""

    site: Site
    number: int
    note_id: str
    template_id: str
    done: Visit
    live: Visit
    join_url: str
    copy_url: str

    def readers(self) -> list[tuple[dict[str, str], list[str]]]:
        """Return who looks at what: the cookies of the clinician, of the client in the room, of nobody."""
        alice = _cookie(self.site.browser, "chartside")
        return [
            (alice, self._clinicians_pages()),
            (_cookie(self.live.carol.http, "chartside-room"), ["/join"]),
            ({}, self._links()),
        ]

    def _clinicians_pages(self) -> list[str]:
        """Return the clinician's addresses."""
        bad = payload(self.number, "address")
        return [
            "/chart",
            "/profile",
            "/help",
            "/templates",
            "/templates/soap-progress-note",
            f"/templates/{self.template_id}",
            f"/templates/{self.template_id}?left_out={bad}",
            "/admin",
            "/admin/fhir-clients",
            "/admin/quality",
            "/admin/receipts",
            f"/admin/audit?patient={bad}&actor={bad}",
            f"/notes/{self.note_id}",
            f"/sessions/{self.done.id}/summary?note={bad}",
            f"/sessions/{self.live.id}",
            f"/launch/callback?state=x&error=access_denied&error_description={bad}",
            f"/launch?iss={bad}&launch={bad}",
            f"/{bad}",
        ]

    def _links(self) -> list[str]:
        """Return the addresses that clients are sent."""
        return [
            self.join_url,
            self.copy_url,
            f"/join?lang={payload(self.number, 'lang')}#t={payload(self.number, 't')}",
        ]


def _cookie(browser: FlaskClient, name: str) -> dict[str, str]:
    found = browser.get_cookie(name)
    assert found is not None
    return {name: found.value}


def _spoil(ehr: SmartEhr, number: int) -> None:
    """Make everything hostile that the EHR says."""

    def bad(place: str) -> str:
        return payload(number, place)

    ehr.resources["Patient/carol"]["name"] = [{"text": f"Carol {bad('patient')}"}]
    ehr.resources["Patient/carol"]["telecom"] = [{"system": "phone", "value": bad("phone")}]
    ehr.resources["MedicationRequest/m1"]["medicationCodeableConcept"] = {"text": bad("medication")}
    ehr.resources["Condition/c1"]["code"] = {"text": bad("problem")}
    ehr.faults.claims["name"] = f"Dr Alice {bad('clinician')}"
    ehr.style = {"color_highlight": f"#0b5d6b;}}{bad('style')}", "font_family_body": bad("font"), bad("key"): "red"}
    ehr.faults.token["smart_style_url"] = f"{ehr.base}/style.json"


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def hostile(folder: Path, number: int) -> Iterator[Hostile]:
    """Build the clinic with one payload everywhere, and serve it."""
    port, clock = free_port(), FrozenClock()
    base = f"http://127.0.0.1:{port}"
    with whole_site(
        folder / "data",
        clock,
        drafter=HostileDrafter(number),
        prepare=lambda ehr: _spoil(ehr, number),
        CHARTSIDE_BASE_URL=base,
    ) as site:
        made = _filled(site, number)
        server = make_server("127.0.0.1", port, site.app, threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join(10)
        server.server_close()


def _filled(site: Site, number: int) -> Hostile:
    site.ear.text = f"{ENOUGH} {payload(number, 'speech')} {ENOUGH}"
    done = site.held()
    copy_url = str(done.state(done.carol)["links"]["copy"])
    site.work()
    side = site.side("alice")
    note_id = side.ok("/notes", {"session_id": done.id, "template_id": "soap-progress-note"})["note_id"]
    title = payload(number, "template")[:60]
    element = {"link_id": "plan", "title": title, "type": "text"}
    template_id = side.ok("/templates", {"title": title, "elements": [element]})["template_id"]
    site.clock.tick(minutes=2)
    launch(site.browser, site.ehr, site.clock)
    live = open_visit(site)
    live.bring(f"Quinn {payload(number, 'participant')}"[:80], role="partner")
    _, token = live.invite()
    join_url = f"{site.settings.base_url}/join#t={token}"
    return Hostile(
        site=site,
        number=number,
        note_id=note_id,
        template_id=template_id,
        done=done,
        live=live,
        join_url=join_url,
        copy_url=copy_url,
    )
