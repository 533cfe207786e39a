"""A client who reads Spanish: joins, is asked and answers in it; the chart says so; the copy is theirs (B15)."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from fhirpy import SyncFHIRClient
from playwright.sync_api import Page, Route, expect

from plugin.demo import sound
from plugin.demo.run import Clinic
from tests.journeys.browsing import Browser, Camera
from tests.journeys.conftest import Open
from tests.journeys.people import SLOW_MS, ClinicianSeat, banner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.usefixtures("in_order")]


@dataclass(slots=True, kw_only=True)
class Visit:
    """Dr Bob's session and the client's page."""

    clinic: Clinic
    clinician: ClinicianSeat
    page: Page
    copy_url: str = ""
    held: list[Route] = field(default_factory=list)
    """Requests of the client's page that the server has not been given yet."""


@pytest.fixture(scope="module")
def visit(clinic: Clinic, open_browser: Open, voices: dict[int, Path]) -> Iterator[Visit]:
    """Dr Bob in a session with an invitation that nobody has opened yet."""
    browsers: tuple[Browser, Browser] = (
        open_browser("clinician", voices[sound.CLINICIAN]),
        open_browser("client", voices[sound.CLIENT]),
    )
    clinician = ClinicianSeat.launch(browsers[0], clinic, "Dr Bob", "Aisha")
    clinician.ensure_switch(is_on=True)
    clinician.start_session()
    page = browsers[1].context.new_page()
    visit = Visit(clinic=clinic, clinician=clinician, page=page)
    page.route("**/join", lambda route: visit.held.append(route))
    page.goto(clinician.invite())
    yield visit
    assert [browser.troubles for browser in browsers] == [[], []]


def _consents(visit: Visit) -> list[dict[str, Any]]:
    fhir = SyncFHIRClient(visit.clinic.ehr.direct_fhir_url)
    found = [json.loads(json.dumps(one)) for one in fhir.resources("Consent").search(patient="aisha").fetch_all()]
    return [one for one in found if one.get("sourceAttachment", {}).get("language") == "es"]


@pytest.mark.req("B15")
def test_the_invitation_follows_the_language_of_the_session(visit: Visit) -> None:
    """Until the first recording it can be changed, and whoever is invited then is invited in it."""
    page = visit.clinician.page
    spoken = page.get_by_role("combobox", name="Language of the session")
    invitation = page.get_by_role("combobox", name="Language of the invitation")
    for language in ("es", "en"):
        spoken.select_option(language)
        expect(invitation).to_have_value(language)
        expect(page.locator("#spoken-words")).to_contain_text("The session is in")


def test_the_client_chooses_spanish_and_joins(visit: Visit, camera: Camera) -> None:
    """One click; the page is in Spanish from its `lang` to its buttons, and the invitation is not asked for again.

    Not even where the click comes before the server has taken the invitation, which it takes once.
    """
    page = visit.page
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Español").click()
    page.wait_for_timeout(500)
    visit.held.pop().continue_()
    page.unroute("**/join")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("heading", name="Compruebe su cámara y su micrófono")).to_be_visible(timeout=SLOW_MS)
    camera.take(page, "join-spanish")
    page.get_by_label("Su nombre").fill("Aisha")
    ready = page.get_by_role("button", name="Pasar a la sala de espera")
    expect(ready).to_be_enabled(timeout=SLOW_MS)
    ready.click()
    expect(page.get_by_role("heading", name="Usted está en la sala de espera")).to_be_visible(timeout=SLOW_MS)
    banner(page, "Usted está en la sala de espera. No se graba nada.")


@pytest.mark.req("S12", "S13", "S14", "S17", "S45")
def test_the_client_is_asked_in_spanish_and_agrees(visit: Visit, camera: Camera) -> None:
    """The text, both answers and the banner; the clinician's page stays in English."""
    visit.clinician.admit("Aisha")
    visit.clinician.press("Start Recording")
    dialog = visit.page.get_by_role("dialog", name="Consentimiento para grabar esta sesión")
    expect(dialog).to_contain_text("le pide permiso para grabar el audio de esta sesión", timeout=SLOW_MS)
    boxes = [dialog.get_by_role("button", name=name) for name in ("Acepto la grabación", "Rechazo la grabación")]
    sizes = [box.bounding_box() for box in boxes]
    assert len({(round(size["width"]), round(size["height"])) for size in sizes if size}) == 1, "equal in weight"
    camera.take(visit.page, "consent-spanish")
    boxes[0].click()
    banner(visit.page, "La grabación ha empezado.")
    expect(visit.page.locator("#rec-state")).to_have_text("Grabando")
    camera.take(visit.page, "room-spanish")
    banner(visit.clinician.page, "Recording has started.")
    expect(visit.clinician.page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.req("C02", "S12")
def test_the_charts_consent_says_spanish_and_holds_the_hash_of_what_was_shown(visit: Visit) -> None:
    """The FHIR Consent: language, text as shown, its SHA-1 as R4 wants it, the policy it came from by its SHA-256."""
    deadline = time.monotonic() + SLOW_MS / 1000
    found = _consents(visit)
    while not found and time.monotonic() < deadline:
        time.sleep(0.5)
        found = _consents(visit)
    (consent,) = found
    shown = consent["sourceAttachment"]
    text = base64.b64decode(shown["data"])
    assert "su atención no cambia" in text.decode()
    assert shown["title"].startswith("Consentimiento para grabar esta sesión, text version")
    assert base64.b64decode(shown["hash"]) == hashlib.sha1(text).digest()  # noqa: S324 - what FHIR R4 defines
    address, _, fragment = consent["policy"][0]["uri"].partition("#")
    policy = requests.get(f"{address}/es.txt", timeout=10)
    assert fragment == f"sha256-{hashlib.sha256(policy.content).hexdigest()}"
    assert "su atención no cambia" in policy.content.decode()


@pytest.mark.req("B15")
def test_the_copy_is_in_spanish_and_can_withdraw(visit: Visit, camera: Camera) -> None:
    """By the 30-day link: text as shown, withdrawal with its words, a receipt with what it proves."""
    with visit.page.context.expect_page() as opened:
        visit.page.get_by_role("link", name="Mi copia y mis comprobantes (30 días)").click()
    copy = opened.value
    visit.copy_url = copy.url
    expect(copy.locator("#consents")).to_contain_text("Usted aceptó", timeout=SLOW_MS)
    expect(copy.locator("#consents [lang=es]").last).to_contain_text("le pide permiso para grabar")
    expect(copy.locator("#sound-words")).to_contain_text("aún se conserva, cifrado")
    copy.get_by_role("button", name="Retirar mi consentimiento").click()
    dialog = copy.get_by_role("dialog")
    expect(dialog).to_contain_text("Una nota ya firmada permanece en su historia clínica.")
    dialog.get_by_role("button", name="Retirar y borrar").click()
    expect(copy.locator("#copy-words")).to_contain_text("Usted ha retirado su consentimiento.", timeout=SLOW_MS)
    copy.locator("#receipts > details > summary").first.click()
    expect(copy.locator("#receipts")).to_contain_text("Lo que demuestra:")
    receipts = []
    for each in copy.locator("#receipts button", has_text="Descargar el comprobante (JSON)").all():
        with copy.expect_download() as saved:
            each.dispatch_event("click")  # also of a receipt that is folded
        saved_as = json.loads(Path(saved.value.path()).read_text())
        receipts.append(saved_as["body"])
        assert saved_as["signature"]
    assert {each["kind"]: each.get("cause") for each in receipts} == {
        "withdrawal": "participant",
        "erasure": "withdrawn",
    }
    camera.take(copy, "copy-spanish", is_full=True)
    copy.emulate_media(media="print")
    expect(copy.get_by_role("button", name="Imprimir o guardar como PDF")).to_be_hidden()
    camera.take(copy, "copy-spanish-print", is_full=True)
    copy.emulate_media(media="screen")


@pytest.mark.req("B15")
def test_after_the_signature_the_page_says_that_the_signed_note_stays(visit: Visit) -> None:
    """Decision 18, before and after the withdrawal; the server's part is proved in tests/consent/test_copy.py."""
    answered = {"answered_at": "2026-03-01T10:00:00+00:00", "asked_at": "2026-03-01T09:59:00+00:00", "text_version": 1}
    consent = {**answered, "status": "agreed", "withdrawn_at": None, "title": "T", "text_html": "", "language": "es"}
    said = {
        "consents": [consent],
        "receipts": [],
        "can_withdraw": True,
        "was_recorded": True,
        "has_signed_note": True,
        "erased_by": None,
    }
    copy = visit.page.context.new_page()
    copy.route(
        re.compile(r"/copy(/withdraw)?$"),
        lambda route: route.fulfill(json=said) if route.request.method == "POST" else route.continue_(),
    )
    copy.goto(f"{visit.clinic.site.base_url}/copy#t=anything")
    expect(copy.locator("#copy-words")).to_contain_text("La nota de esta sesión está firmada", timeout=SLOW_MS)
    copy.get_by_role("button", name="Retirar mi consentimiento").click()
    dialog = copy.get_by_role("dialog")
    expect(dialog).to_contain_text("La nota firmada permanece en su historia clínica.")
    consent |= {"status": "withdrawn", "withdrawn_at": "2026-03-02T10:00:00+00:00"}
    dialog.get_by_role("button", name="Retirar y borrar").click()
    expect(copy.locator("#copy-words")).to_contain_text("La nota firmada permanece en su historia clínica.")
    expect(copy.locator("#copy-words")).to_be_focused()
    copy.close()


@pytest.mark.req("B15")
def test_the_copy_page_speaks_english_again_and_the_text_stays_as_shown(visit: Visit) -> None:
    """Another language is about the page; what was agreed to is shown in its own, marked as such."""
    copy = visit.page.context.pages[-1]
    copy.get_by_role("button", name="English").click()
    expect(copy.locator("html")).to_have_attribute("lang", "en")
    expect(copy.locator("#consents")).to_contain_text("You withdrew", timeout=SLOW_MS)
    expect(copy.locator("#consents [lang=es]").first).to_have_text("Consentimiento para grabar esta sesión")
    copy.goto(visit.copy_url.split("#")[0])
    expect(copy.locator("#trouble")).to_contain_text("This page needs the link to your copy.")
    copy.close()
    visit.clinician.end()
    expect(visit.clinician.page.locator("#spoken-panel")).to_be_hidden()


@pytest.mark.req("S12", "S18", "B14")
def test_a_handed_over_device_asks_in_spanish_and_takes_a_decline(visit: Visit, camera: Camera) -> None:
    """In one room the person chooses the language on the clinician's device; the clinician's page stays in English."""
    page = visit.clinician.page
    visit.clinician.go("/chart")
    page.get_by_role("button", name="In person, in one room").click()
    page.wait_for_url(re.compile("/sessions/[0-9a-f]+"))
    visit.clinician.join()
    page.get_by_label("Name", exact=True).fill("Aisha")
    page.get_by_role("button", name="Add to the session").click()
    expect(page.locator("#people")).to_contain_text("Aisha", timeout=SLOW_MS)
    visit.clinician.press("Start Recording")
    page.get_by_role("button", name="Hand over this device").click(timeout=SLOW_MS)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Español").click()
    expect(dialog).to_have_attribute("lang", "es")
    dialog.get_by_role("button", name="Soy Aisha").click()
    expect(dialog.get_by_role("heading", name="Consentimiento para grabar esta sesión")).to_be_visible()
    camera.take(page, "in-person-spanish")
    dialog.get_by_role("button", name="Rechazo la grabación").click()
    expect(dialog).to_contain_text("Usted ha rechazado la grabación.", timeout=SLOW_MS)
    dialog.get_by_role("button", name="Devolver el dispositivo").click()
    banner(page, "Aisha declined. This session is not recorded.")
    visit.clinician.end()
