"""The switches for bad input do what they say, and switching them off brings the faithful server back."""

import base64
import json
import time

import pytest
import requests

from tests.peers.openemr_like.process import OpenEmrLike


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [("html", 200, "text/html"), ("huge", 200, "application/json"), ("gone", 404, "text/html")],
)
def test_metadata_can_be_broken(openemr: OpenEmrLike, kind: str, status: int, content_type: str) -> None:
    """HTML, eight megabytes, nothing."""
    openemr.faults(metadata=kind)
    answer = openemr.http.get(f"{openemr.fhir_url}/metadata", timeout=20)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, content_type)
    assert kind != "huge" or len(answer.content) > 8_000_000
    openemr.faults()
    assert openemr.http.get(f"{openemr.fhir_url}/metadata", timeout=20).json()["software"]["name"] == "OpenEMR"


def test_metadata_can_be_slow(openemr: OpenEmrLike) -> None:
    """It answers after the client has given up."""
    openemr.faults(metadata="slow", delay_s=1)
    with pytest.raises(requests.Timeout):
        openemr.http.get(f"{openemr.fhir_url}/metadata", timeout=0.2)


def test_metadata_can_lie_about_every_write(openemr: OpenEmrLike) -> None:
    """It promises Consent create, and the route is not there."""
    openemr.faults(metadata="lying")
    listed = openemr.http.get(f"{openemr.fhir_url}/metadata", timeout=20).json()["rest"][0]["resource"]
    assert {"Consent", "Media", "Task"} <= {one["type"] for one in listed}
    assert openemr.call(openemr.token_of(), "POST", "fhir/Consent", json={}).status_code == 404


def test_a_search_can_return_another_patients_resource(openemr: OpenEmrLike) -> None:
    """One entry more, of another patient."""
    token = openemr.token_of()
    openemr.faults(search_foreign=True)
    for kind in ("Encounter", "Patient"):
        found = openemr.call(token, "GET", f"fhir/{kind}").json()["entry"]
        whose = {json.dumps(one["resource"].get("subject", one["resource"]["id"])) for one in found}
        assert len(whose) == 2


def test_attachments_can_point_to_another_host(openemr: OpenEmrLike) -> None:
    """A client that follows them would give its token away."""
    token, pid = openemr.token_of(), openemr.patient()["pid"]
    file = {"document": ("a.txt", b"text", "text/plain")}
    openemr.call(token, "POST", f"api/patient/{pid}/document?path=/Medical_Record", files=file)
    openemr.faults(foreign_host="https://evil.example.org/fhir")
    (entry,) = openemr.call(token, "GET", "fhir/DocumentReference").json()["entry"]
    assert entry["resource"]["content"][0]["attachment"]["url"].startswith("https://evil.example.org/")


@pytest.mark.parametrize("status", [401, 403, 405, 409, 412, 422, 429, 500, 503])
def test_the_next_answer_can_be_planned(openemr: OpenEmrLike, status: int) -> None:
    """Once, then the faithful answer again."""
    token = openemr.token_of()
    plan = {"method": "GET", "path": "/fhir/Patient$", "status": status, "headers": {"Retry-After": "1"}}
    openemr.faults(plan=[plan])
    statuses = [openemr.call(token, "GET", "fhir/Patient").status_code for _ in range(2)]
    assert statuses == [status, 200]


def test_a_write_can_happen_and_its_answer_be_lost(openemr: OpenEmrLike) -> None:
    """500 after the message was stored: a blind retry would store it twice."""
    token, pid = openemr.token_of(), openemr.patient()["pid"]
    openemr.faults(plan=[{"method": "POST", "path": "/message$", "status": 500, "is_after": True}])
    words = {"body": "Ready.", "groupname": "Default", "from": "alice", "to": "alice", "title": "Chartside"}
    answer = openemr.call(token, "POST", f"api/patient/{pid}/message", json={**words, "message_status": "New"})
    assert answer.status_code == 500
    assert len(openemr.stored()["messages"]) == 1


def test_tokens_can_be_skewed(openemr: OpenEmrLike) -> None:
    """iat and exp of the id_token are off by that much."""
    openemr.faults(clock_skew_s=7200)
    part = openemr.connect()["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["iat"] - time.time() == pytest.approx(7200, abs=120)
    assert claims["exp"] - claims["iat"] == 3600


def test_it_keeps_the_log_of_requests(openemr: OpenEmrLike) -> None:
    """Method and address, in order, control steps left out."""
    openemr.call(openemr.token_of(), "GET", "fhir/Patient?_count=1")
    assert openemr.stored()["requests"][-1] == "GET /apis/default/fhir/Patient?_count=1"
