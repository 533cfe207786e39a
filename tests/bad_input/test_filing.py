"""The EHR fails while a note is filed: the page says what happens, and in the end the chart holds the note once."""

import html
import time
from collections.abc import Callable

import pytest

from plugin.demo.people import Clinician
from plugin.sandbox.store_client import StoreClient
from tests.bad_input.conftest import Place
from tests.fakes.ehr_proxy import Fault

WITHIN_S = 60.0


def _until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


class Writer:
    """A clinician with one note that the chart is to get; the session was not recorded."""

    def __init__(self, place: Place, patient: str) -> None:
        self._place = place
        self.patient = patient
        self.clinician: Clinician = place.clinician(patient)
        self.session_id = self.clinician.start_session()
        self.clinician.end()
        made = self.clinician.post("/notes", {"session_id": self.session_id, "template_id": "brief-contact-note"})
        self.note_id: str = made["note_id"]

    def sign(self) -> None:
        """Write something and sign it."""
        content = self.clinician.get(f"/notes/{self.note_id}/content")
        element = content["elements"][-1]
        edits = {"revision": content["revision"], "elements": [{"link_id": element["link_id"], "text": "Seen today."}]}
        saved = self.clinician.post(f"/notes/{self.note_id}/save", edits)
        self.clinician.post(f"/notes/{self.note_id}/sign", {"attests": True, "revision": saved["revision"]})

    def page(self) -> str:
        """Return the note's page as text."""
        return html.unescape(self.clinician.page(f"/notes/{self.note_id}"))

    def copies(self) -> int:
        """Count the note in the chart."""
        store = StoreClient(self._place.clinic.ehr.direct_fhir_url)
        found = store.search("DocumentReference", patient=self.patient)
        return sum(self.note_id in str(each.get("identifier")) + str(each.get("masterIdentifier")) for each in found)

    def is_filed(self) -> bool:
        """Say whether nothing of the session is owed any more."""
        query = "SELECT count(*) FROM filing WHERE session_id = ? AND done < wanted"
        return self._place.sql(query, self.session_id) == [(0,)]


@pytest.mark.req("G02", "G03", "D15")
def test_an_ehr_that_cannot_take_it_now_gets_the_note_once_by_itself(place: Place) -> None:
    """429, 500, no answer, and an answer that was lost after the note was stored: waiting, then filed, once each."""
    writers = [Writer(place, "maya") for _ in range(4)]
    busy, broken, silent, lost = (each.note_id for each in writers)
    place.proxy.switch(
        Fault(about=busy, status=429, headers={"Retry-After": "2"}),
        Fault(about=broken, status=500),
        Fault(about=silent),
        Fault(about=lost, is_stored=True),
    )
    for writer in writers:
        writer.sign()
    _until(lambda: all(place.proxy.hits[each.note_id] for each in writers), "the proxy was not asked")
    said = ["asks to wait", "has a fault", "does not answer", "does not answer"]
    for writer, words in zip(writers[:3], said, strict=False):
        _until(lambda writer=writer, words=words: words in writer.page(), words)  # type: ignore[misc]
        assert "Being filed" in writer.page()
        assert writer.copies() == 0
    place.proxy.switch()
    _until(lambda: all(each.is_filed() for each in writers), "not filed")
    assert [each.copies() for each in writers] == [1, 1, 1, 1]
    assert all("In the chart" in each.page() for each in writers)


@pytest.mark.req("G02", "D15")
@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "Open Chartside again"), (403, "does not allow"), (409, "another version")],
)
def test_an_ehr_that_refuses_is_shown_with_its_reason_and_gets_the_note_once_after_a_click(
    place: Place, status: int, words: str
) -> None:
    """Refused in words, kept in the app, nothing in the chart; after a fresh launch and a click it is there once."""
    writer = Writer(place, "maya")
    place.proxy.switch(Fault(about=writer.note_id, status=status))
    writer.sign()
    _until(lambda: words in writer.page(), f"the page does not say: {words}")
    assert "Not filed" in writer.page()
    assert writer.copies() == 0
    place.proxy.switch()
    writer.clinician = place.clinician("maya")
    writer.clinician.post(f"/sessions/{writer.session_id}/filings/retry")
    _until(writer.is_filed, "not filed")
    assert writer.copies() == 1
    assert "In the chart" in writer.page()
