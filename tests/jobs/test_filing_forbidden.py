"""A clinician whose role may write notes and not what a note refers to: the signed note does not wait for ever."""

from functools import partial
from pathlib import Path

import pytest
from flask import Response, request

from tests.conftest import FrozenClock
from tests.fakes.site import whole_site
from tests.fakes.smart_ehr import answering


def _refuse(kind: str) -> Response | None:
    is_write = request.method == "POST" and request.path.endswith(f"/{kind}")
    return answering(403)() if is_write else None


@pytest.mark.req("C04", "G02")
@pytest.mark.parametrize("kind", ["Consent", "Media", "Device"])
def test_what_a_note_names_may_be_forbidden(tmp_path: Path, kind: str) -> None:
    """403 for it, whoever asks: the note is filed, and names it by its identifier."""
    with whole_site(tmp_path / "site", FrozenClock()) as site:
        site.ehr.faults.fhir = [partial(_refuse, kind)] * 5000
        visit = site.held()
        site.work(pulses=6)
        note_id = visit.alice.ok("/notes", {"session_id": visit.id, "template_id": "soap-progress-note"})["note_id"]
        revision = site.keep_all(note_id)
        visit.alice.ok(f"/notes/{note_id}/sign", {"attests": True, "revision": revision})
        site.work(pulses=6)
        assert [each["docStatus"] for each in site.ehr.of_type("DocumentReference")] == ["final"]
        assert site.ehr.of_type(kind) == []
