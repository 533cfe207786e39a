"""What is asked of which server."""

import pytest

from smart_app.launch import scopes
from smart_app.launch.scopes import Offer
from tests.fakes.smart_ehr import SCOPE_ALL

V2 = ["permission-v2"]


@pytest.mark.req("C01", "smart@46", "smart@120", "smart@121", "smart@122", "smart@125", "smart@135", "smart@141")
@pytest.mark.req("smart@150", "smart@151", "smart@196", "smart@148")
def test_a_full_server_is_asked_the_whole_line_and_no_more() -> None:
    """No delete, no wildcard, no launch/patient; the same line when the server lists nothing."""
    for supported in (SCOPE_ALL.split(), [SCOPE_ALL.split()], [], None, ["openid", "fhirUser", "offline_access"]):
        asked = scopes.plan(Offer(supported=supported, capabilities=V2))
        assert asked == SCOPE_ALL
    assert "*" not in asked
    assert "launch/" not in asked


def test_only_what_is_discovered_is_asked() -> None:
    """An intersection by meaning, letter by letter; the launch scope is always asked."""
    supported = ["openid", "user/Patient.cruds", "user/Consent.c", "user/Media.rs", "patient/Task.cruds"]
    asked = scopes.plan(Offer(supported=supported, capabilities=V2))
    assert asked == "openid launch user/Patient.rs user/Consent.c user/Media.rs"


def test_a_wildcard_offer_covers_every_type() -> None:
    """`user/*.cruds` is never asked, but it says that each type may be."""
    asked = scopes.plan(Offer(supported=[*SCOPE_ALL.split()[:4], "user/*.cruds"], capabilities=V2))
    assert asked == SCOPE_ALL


def test_a_server_of_smart_1_is_asked_in_its_words() -> None:
    """read and write, where permission-v2 is missing."""
    supported = ["user/Patient.read", "user/Consent.write", "user/Consent.read"]
    asked = scopes.plan(Offer(supported=supported, capabilities=["permission-v1"]))
    assert asked == "launch user/Patient.read user/Consent.read user/Consent.write"


@pytest.mark.req("C06")
def test_it_is_cut_to_what_the_server_creates() -> None:
    """What the CapabilityStatement does not take is not asked for."""
    listed = [
        {"type": "Patient", "interaction": [{"code": "read"}]},
        {"type": "Consent", "interaction": [{"code": "create"}, {"code": "read"}]},
        {"type": "Media"},
    ]
    statement = {"rest": [{"mode": "server", "resource": listed}]}
    asked = scopes.plan(Offer(capabilities=V2, statement=statement)).split()
    assert "user/Patient.rs" in asked
    assert "user/Consent.crs" in asked
    assert "user/Media.crus" in asked, "listed without interactions: nothing is forbidden"
    assert "user/DocumentReference.rs" in asked
    assert "user/Provenance.rs" in asked, "it can be looked for and not created"


@pytest.mark.parametrize("word", ["user/Patient.", "user/Patient.sr", "all/Patient.rs", "launch/patient", "x"])
def test_what_is_no_resource_scope_is_none(word: str) -> None:
    """Letters out of order, other levels, other words."""
    assert scopes.parse(word) is None


def test_granted_scopes_are_read_by_meaning() -> None:
    """SMART 1 and 2, wildcards, constraints."""
    assert scopes.allows("user/*.read", "Patient", "r")
    assert scopes.allows("patient/Patient.rs?x=y", "Patient", "r")
    assert not scopes.allows("user/Patient.s", "Patient", "r")
    assert not scopes.allows("user/PatientX.r", "Patient", "r")
    assert scopes.costs(SCOPE_ALL, has_refresh=True) == ()
    assert scopes.costs(SCOPE_ALL, has_refresh=False) == (scopes.NO_REFRESH,)
