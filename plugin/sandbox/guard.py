"""What one access token may do with one resource: its scope, and the patient it was launched for."""

from dataclasses import dataclass, field
from typing import Any

from plugin.sandbox.compartment import (
    COMPARTMENT_TYPES,
    audited_patients,
    is_users_own_statement,
    patients_of,
    reference_of,
    targets_of,
)
from plugin.sandbox.grants import Grant
from plugin.sandbox.people import PEOPLE
from plugin.sandbox.scopes import allows
from plugin.sandbox.store_client import StoreClient

Resource = dict[str, Any]
PATIENT_PARAMETERS = {"patient", "subject"}
KEY_PARAMETERS = {"identifier", "_id"}


class Refused(Exception):
    """A request the gateway turns down: status, FHIR issue code, a sentence."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rights of one request."""

    grant: Grant
    store: StoreClient
    _seen: dict[str, bool] = field(default_factory=dict)

    @property
    def patient(self) -> str:
        """Return the `Patient/id` of the launch, empty without one."""
        return f"Patient/{self.grant.context.patient}" if self.grant.context.patient else ""

    def may(self, resource_type: str, operation: str) -> bool:
        """Say whether the scope holds this operation letter for this type."""
        return allows(self.grant.scope, resource_type, operation, has_patient=bool(self.patient))

    def demand(self, resource_type: str, operation: str) -> None:
        """Raise Refused when the scope lacks the operation."""
        if not self.may(resource_type, operation):
            sentence = f"The token's scope does not hold {resource_type}.{operation}."
            raise Refused(403, "forbidden", sentence)

    def concerns(self, resource: Resource) -> bool:
        """Say whether a resource belongs to the launched patient, or to no patient at all."""
        if not self.patient:
            return True
        resource_type = resource.get("resourceType")
        if resource_type == "Provenance":
            return all(self._target_concerns(target) for target in targets_of(resource))
        if resource_type == "AuditEvent":
            return audited_patients(resource) <= {self.patient}
        if resource_type in COMPARTMENT_TYPES:
            user = PEOPLE[self.grant.context.user_id].fhir_user
            return patients_of(resource) == {self.patient} or is_users_own_statement(resource, user)
        return True

    def demand_concern(self, resource: Resource) -> None:
        """Raise Refused for another patient's resource."""
        if not self.concerns(resource):
            raise Refused(403, "forbidden", "This resource is not about the patient of the launch.")

    def _target_concerns(self, reference: str) -> bool:
        if reference.split("/")[0] not in COMPARTMENT_TYPES:
            return True
        if reference not in self._seen:
            target = self.store.read(reference)
            self._seen[reference] = target is None or self.concerns(target)
        return self._seen[reference]

    def confine(self, resource_type: str, params: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the search with the launched patient forced; raise Refused when it asks for another one.

        A search by key (identifier, _id) is left open, since a resource without patient could not be found
        otherwise; the answer is filtered in any case.
        """
        if not self.patient or resource_type not in COMPARTMENT_TYPES:
            return params
        names = PATIENT_PARAMETERS if resource_type != "Patient" else {"_id"}
        asked = [(name, value) for name, value in params if name.split(":")[0].split(".")[0] in names]
        for name, value in asked:
            wanted = value if "/" in value else f"Patient/{value}"
            if "." in name or reference_of({"reference": wanted}) != self.patient:
                raise Refused(403, "forbidden", "The search asks for a patient other than that of the launch.")
        if asked or (resource_type != "Patient" and any(name in KEY_PARAMETERS for name, _ in params)):
            return params
        return [*params, ("_id" if resource_type == "Patient" else "patient", self.grant.context.patient)]

    def filtered(self, bundle: Resource) -> Resource:
        """Return a Bundle without the entries that the token may not see."""
        entries = bundle.get("entry", [])
        kept = [entry for entry in entries if self._may_see(entry.get("resource"))]
        if len(kept) == len(entries):
            return bundle
        rest = {name: value for name, value in bundle.items() if name != "entry"}
        if "total" in rest and _matches(kept) < _matches(entries):  # never count what may not be seen
            rest["total"] = _matches(kept)
        return {**rest, "entry": kept} if kept else rest

    def _may_see(self, resource: Resource | None) -> bool:
        if resource is None or resource.get("resourceType") == "OperationOutcome":
            return True
        resource_type = str(resource.get("resourceType"))
        return (self.may(resource_type, "s") or self.may(resource_type, "r")) and self.concerns(resource)


def _matches(entries: list[Resource]) -> int:
    """Count the entries that a total counts: not the included ones, not the outcome."""
    return sum(entry.get("search", {}).get("mode", "match") == "match" for entry in entries)
