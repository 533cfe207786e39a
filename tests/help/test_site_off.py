"""The site's switch off, in the whole product (S01): no page, pop-up, answer or address of the assistant is left."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import FrozenClock
from tests.fakes.room import Visit, open_visit
from tests.fakes.site import Site, whole_site

WORD = re.compile(r"\bAI\b|\bassistant\b|Start Recording|Resume recording|record control|walk-through", re.I)


@dataclass(frozen=True, kw_only=True)
class Off:
    """The product with its switch off; before that a summary was made, and a note filled from it."""

    site: Site
    held: Visit
    over: Visit
    """Ended without a recording."""
    open: Visit
    filled: str
    """The id of the filled note."""
    plain: str
    """The id of a note without the element, made afterwards."""
    asked: tuple[str, ...]
    """The administrators' page while it was on: plain, then asking with no recording and with one that runs."""
    stopped: str
    """The state of the session whose recording ran, once it was off."""


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Off]:
    """Hold a session, make its note, turn the switch off, open another session."""
    with whole_site(tmp_path_factory.mktemp("off"), FrozenClock()) as site:
        site.work()
        held = site.held()
        site.work()
        filled = held.alice.ok("/notes", {"session_id": held.id, "template_id": "soap-progress-note"})["note_id"]
        over = open_visit(site)
        over.end()
        site.clock.tick(minutes=1)
        asked = [site.page("/admin"), site.page("/admin?turn=off")]
        running = open_visit(site)
        running.record()
        asked.append(site.page("/admin?turn=off"))
        answer = site.browser.post("/admin/assistant", data={"ai_offered": "off"})
        assert answer.status_code == 303
        plain = held.alice.ok("/notes", {"session_id": held.id, "template_id": "brief-contact-note"})["note_id"]
        stopped = running.state()["state"]
        running.end()
        site.clock.tick(minutes=1)
        yield Off(
            site=site,
            held=held,
            over=over,
            open=open_visit(site),
            filled=filled,
            plain=plain,
            asked=tuple(asked),
            stopped=stopped,
        )


@pytest.mark.req("S01")
def test_turning_it_off_is_asked_first_with_the_recordings_that_it_stops(off: Off) -> None:
    """The first click changes nothing: it shows how many recordings run now, and what becomes of the templates."""
    plain, none, one = off.asked
    assert 'value="off"' not in plain
    assert "No recording runs now." in none
    assert "One recording runs now. It stops at once" in one
    assert "Templates with the AI Session Summary element are not offered" in one
    assert off.stopped == "open"
    assert 'value="on"' in off.site.page("/admin?turn=off")


def seen(page: str) -> list[str]:
    """Return the words of the assistant that a person reads or hears on a page, its title and labels included."""
    page = re.sub(r"<(script|noscript|style).*?</\1>", " ", page, flags=re.S)
    spoken = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', page)
    return WORD.findall(re.sub(r"<[^>]+>", " ", page) + " ".join(spoken))


@pytest.mark.req("S01")
@pytest.mark.parametrize("path", ["/chart", "/templates", "/profile", "/help", "/sessions/{open}", "/notes/{plain}"])
def test_no_word_of_it_is_on_any_page(off: Off, path: str) -> None:
    """Title, navigation, content, labels for screen readers."""
    assert seen(off.site.page(path.format(open=off.open.id, plain=off.plain))) == []


@pytest.mark.req("S01")
def test_nothing_pops_up_and_no_control_is_told(off: Off) -> None:
    """A ready summary is no news; the room's facts say absent; the diagnosis says why and nothing else."""
    alice = off.held.alice
    assert alice.get("/notices").get_json() == {"notices": []}
    recorder = off.open.state()["recorder"]
    assert (recorder["control"], recorder["why"]) == ("absent", "site_off")
    assert list(off.site.causes(off.open)) == ["site_off"]


@pytest.mark.req("S01")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sessions/{open}/recording/start", {}),
        ("POST", "/sessions/{open}/recording/resume", {}),
        ("POST", "/sessions/{open}/recording/grants", {"recording_id": "x", "runs": []}),
        ("POST", "/profile/ai-consent", {"is_on": True}),
        ("POST", "/notes", {"session_id": "{held}", "template_id": "soap-progress-note"}),
        ("POST", "/notes/{filled}/insert", {"revision": 1}),
        ("POST", "/help/practice", {}),
        ("GET", "/help/walk-through", None),
        ("GET", "/sessions/{over}/summary", None),
        ("POST", "/sessions/{over}/summary", {"text": "x"}),
        ("POST", "/sessions/{over}/dictation", {}),
    ],
)
def test_no_address_of_it_answers(off: Off, method: str, path: str, body: dict[str, str] | None) -> None:
    """403 with the reason, or 404, also to somebody who types the address."""
    ids = {"open": off.open.id, "held": off.held.id, "over": off.over.id, "filled": off.filled}
    said = {name: value.format(**ids) if isinstance(value, str) else value for name, value in (body or {}).items()}
    answer = off.held.alice.http.open(path.format(**ids), method=method, json=said if body is not None else None)
    assert answer.status_code in {403, 404}, (answer.status_code, answer.text[:200])
    if answer.status_code == 403:
        assert "switched off for this site" in answer.get_json()["public"]
