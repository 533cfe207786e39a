"""The written order of fall-backs is complete, and every step ends in a way that needs nothing of the EHR."""

from typing import get_args

import pytest

from fhir_mappings import ways


@pytest.mark.req("C06")
def test_every_step_of_every_adapter_ends_in_chartside_itself() -> None:
    """Nothing is ever lost for want of a capability: the last way needs nothing, and no other way is free."""
    assert set(ways.ORDER) == set(get_args(ways.Step))
    for of_adapter in ways.ORDER.values():
        assert set(of_adapter) == set(get_args(ways.Adapter))
        for order in of_adapter.values():
            assert [way.name for way in order if not way.needs] == [ways.APP]
            assert order[-1].name == ways.APP


@pytest.mark.req("C06")
def test_a_server_is_used_for_what_it_takes() -> None:
    """A server that takes Consent but not Media gets the Consent."""

    def takes(resource: str, operation: str) -> bool:
        return (resource, operation) in {("Consent", "create"), ("Consent", "update")}

    assert ways.choose("consent", "fhir_r4", takes).name == "fhir"
    assert ways.choose("recording", "fhir_r4", takes).name == ways.APP


@pytest.mark.req("C06")
def test_a_server_that_cannot_change_a_consent_still_gets_it() -> None:
    """The second-best way comes before Chartside alone, and says what it costs."""
    way = ways.choose("consent", "fhir_r4", lambda resource, operation: (resource, operation) == ("Consent", "create"))
    assert way.name == "fhir"
    assert "withdrawal is kept in Chartside" in way.words


@pytest.mark.parametrize(
    ("software", "scopes", "adapter"),
    [
        ({"name": "HAPI FHIR Server"}, ["user/chartside.crus"], "fhir_r4"),
        ({"name": "OpenEMR"}, ["user/document.crs"], "openemr"),
        ({"name": "OpenEMR"}, ["user/chartside.crus"], "openemr_module"),
        (None, [], "fhir_r4"),
        ("OpenEMR", [], "fhir_r4"),
        ({"name": "Another"}, ["api:oemr"], "fhir_r4"),
    ],
)
@pytest.mark.req("C07")
def test_the_adapter_follows_software_and_scopes(software: object, scopes: list[str], adapter: str) -> None:
    """Whatever else a server puts there, only an OpenEMR is treated as one."""
    assert ways.adapter_for({"software": software}, scopes) == adapter


@pytest.mark.req("C07")
def test_an_openemr_that_hides_its_statement_is_known_by_its_scopes() -> None:
    """Nobody else lists api:oemr."""
    assert ways.adapter_for(None, ["openid", "api:oemr"]) == "openemr"
    assert ways.adapter_for(None, ["openid"]) == "fhir_r4"
