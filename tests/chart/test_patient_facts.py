"""What is read of a Patient: how to reach them and whom to call, read at launch so that a dead EHR takes nothing."""

from dataclasses import asdict
from typing import Any

import pytest

from smart_app.chart.resources import patient_facts
from smart_app.ports import ContactFacts, PatientFacts

EMERGENCY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "C"}], "text": "Sister"}


def facts(**more: Any) -> PatientFacts:
    """Read a Patient with these elements."""
    return patient_facts({"resourceType": "Patient", "id": "p", "name": [{"text": "Maya T"}], **more}, (), ())


def test_the_mobile_number_and_the_address_are_read() -> None:
    """A number at hand before one at home; what is marked old is left out."""
    found = facts(
        telecom=[
            {"system": "phone", "value": "1", "use": "old"},
            {"system": "email", "value": "x@y"},
            {"system": "phone", "value": "2", "use": "home"},
            {"system": "phone", "value": "3", "use": "mobile"},
        ],
        address=[{"use": "old", "text": "gone"}, {"line": ["14 Orchard Lane"], "city": "Riverside", "state": "CA"}],
    )
    assert (found.phone, found.address) == ("3", "14 Orchard Lane, Riverside, CA")


def test_emergency_contacts_stand_first_and_empty_ones_are_left_out() -> None:
    """By HL7's code, whatever the order in the chart; a contact's name is a single HumanName."""
    found = facts(
        contact=[
            {"name": {"family": "Lawyer"}, "telecom": [{"system": "phone", "value": "9"}]},
            {"relationship": [EMERGENCY]},
            {"relationship": [EMERGENCY], "name": {"given": ["Leah"], "family": "T"}, "telecom": "broken"[:0]},
        ]
    )
    assert found.contacts == (
        ContactFacts(name="Leah T", relationship="Sister"),
        ContactFacts(name="Lawyer", phone="9"),
    )


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([{"language": {"coding": [{"code": "es-MX"}]}}], "es"),
        (
            [{"language": {"coding": [{"code": "en"}]}}, {"language": {"coding": [{"code": "ES"}]}, "preferred": True}],
            "es",
        ),
        ([{"language": {"coding": [{"code": "spa"}]}}], "es"),
        ([{"language": {"text": "Spanish"}}, "broken", {"language": {"coding": [{}]}}], ""),
    ],
)
def test_the_language_to_use_is_read(told: list[Any], code: str) -> None:
    """The preferred one first; the region is left out; words alone are not guessed at."""
    assert facts(communication=told).language == code


def test_a_chart_without_any_of_it_is_read_as_before() -> None:
    """Empty words, no contact."""
    found = facts()
    assert (found.phone, found.address, found.contacts) == ("", "", ())


def test_stored_facts_come_back_also_of_an_earlier_version() -> None:
    """Sessions that were open before an update have no contacts in their sealed facts."""
    found = facts(contact=[{"name": {"text": "Leah"}, "telecom": [{"system": "phone", "value": "1"}]}])
    assert PatientFacts.from_json({**asdict(found), "contacts": [asdict(each) for each in found.contacts]}) == found
    old = {"id": "p", "name": "Maya", "medications": ["a"], "problems": []}
    assert PatientFacts.from_json(old) == PatientFacts(id="p", name="Maya", medications=("a",))
