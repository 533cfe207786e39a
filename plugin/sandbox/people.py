"""Who can sign in at the sandbox EHR."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One EHR user; `id` is the Practitioner's id too."""

    id: str
    username: str
    name: str
    role: str

    @property
    def fhir_user(self) -> str:
        """Return the relative reference of the Practitioner."""
        return f"Practitioner/{self.id}"


PEOPLE = {
    person.id: person
    for person in (
        Person(id="dr-alice", username="alice", name="Dr Alice Moreau", role="Psychotherapist"),
        Person(id="dr-bob", username="bob", name="Dr Bob Okafor", role="Psychologist"),
        Person(id="erin-admin", username="erin", name="Erin Walsh", role="EHR administrator"),
    )
}
