"""An in-memory chart: the double of the port Chart, held to the same contract tests as the adapter."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from smart_app.chart.resources import digest, encounters_of, fits, is_found_by, is_same, patients_of
from smart_app.errors import ChartConflict, ChartRefused, ChartsideError
from smart_app.ports import Chart, Filed, PatientFacts, Resource

BASE = "http://chart.example/fhir"
CAROL = PatientFacts(
    id="carol",
    name="Carol Diaz",
    birth_date="1990-02-03",
    sex="female",
    phone="555 0100",
    medications=("Sertraline 50 mg",),
    problems=("Generalised anxiety",),
)


class FakeChart:
    """Resources in a dict; `failing` and `off` make it refuse, `calls` lists what was asked."""

    def __init__(self, *patients: PatientFacts) -> None:
        self.patients = {patient.id: patient for patient in patients or (CAROL,)}
        self.resources: dict[str, Resource] = {}
        self.off: set[tuple[str, str]] = set()
        """(type, operation) that this server does not take."""
        self.calls: list[tuple[str, str]] = []
        self._failures: list[ChartsideError] = []
        self._loses_answers = False

    def fail_with(self, *errors: ChartsideError) -> None:
        """Raise these, one per coming call, before anything happens."""
        self._failures += errors

    @contextmanager
    def losing_answers(self, error: ChartsideError) -> Iterator[None]:
        """Do every write and then raise: the write happened, the caller does not know."""
        self._loses_answers, self._lost = True, error
        yield
        self._loses_answers = False

    def of_type(self, resource_type: str) -> list[Resource]:
        """Return what the chart holds of a type."""
        return [found for key, found in self.resources.items() if key.startswith(resource_type + "/")]

    def patient(self, patient_id: str) -> PatientFacts:
        """Return the patient's facts."""
        self._note("read", "Patient")
        if patient_id not in self.patients:
            raise _gone("Patient")
        return self.patients[patient_id]

    def create(self, resource: Resource) -> Filed:
        """Create, unless it is there by its first identifier; then bring that up to date."""
        kind = str(resource["resourceType"])
        self._note("create", kind)
        self._demand(kind, "create")
        for found in self.of_type(kind):
            if is_found_by(found, resource):
                self._check_chart(found, resource)
                filed = Filed(resource_type=kind, id=found["id"], etag=_etag(found))
                return filed if is_same(found, resource) else self._replace(resource, filed)
        id_ = str(len(self.resources) + 1)
        self._put(kind, id_, resource, version=1)
        return Filed(resource_type=kind, id=id_, etag=_etag(self.resources[f"{kind}/{id_}"]))

    def update(self, resource: Resource, filed: Filed) -> Filed:
        """Replace, if nobody else did since."""
        self._note("update", filed.resource_type)
        self._demand(filed.resource_type, "update")
        return self._replace(resource, filed)

    def _replace(self, resource: Resource, filed: Filed) -> Filed:
        theirs = self.resources.get(filed.reference)
        if theirs is None:
            raise _gone(filed.resource_type)
        if filed.etag not in (None, _etag(theirs)):
            if is_same(theirs, resource):
                return Filed(resource_type=filed.resource_type, id=filed.id, etag=_etag(theirs))
            if digest(theirs) in filed.sent:
                return self._replace(resource, replace(filed, etag=_etag(theirs)))
            raise ChartConflict("changed_in_chart", "It was changed in the chart.", "Compare both.")
        self._check_chart(theirs, resource)
        self._put(filed.resource_type, filed.id, resource, version=int(theirs["meta"]["versionId"]) + 1)
        return Filed(resource_type=filed.resource_type, id=filed.id, etag=_etag(self.resources[filed.reference]))

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Return one resource."""
        self._note("read", resource_type)
        found = self.resources.get(f"{resource_type}/{resource_id}")
        if found is None:
            raise _gone(resource_type)
        return copy.deepcopy(found)

    def find(self, resource_type: str, params: Mapping[str, str]) -> tuple[Resource, ...]:
        """Return what fits patient, status, identifier and _id."""
        self._note("search", resource_type)
        return tuple(copy.deepcopy(row) for row in self.of_type(resource_type) if fits(row, params, BASE))

    def digest(self, resource: Resource) -> str:
        """Return the digest of all but what a server writes itself."""
        return digest(resource)

    def takes(self, resource_type: str, operation: str = "create") -> bool:
        """Say whether the operation is not switched off."""
        return (resource_type, operation) not in self.off

    def _note(self, operation: str, kind: str) -> None:
        self.calls.append((operation, kind))
        if self._failures:
            raise self._failures.pop(0)

    def _demand(self, kind: str, operation: str) -> None:
        if (kind, operation) in self.off:
            raise ChartRefused("not_offered", f"This EHR does not take a {kind}.", "It stays in Chartside.")

    def _check_chart(self, theirs: Resource, ours: Resource) -> None:
        if patients_of(theirs, BASE) != patients_of(ours, BASE):
            raise ChartRefused("wrong_chart", "It is in another patient's chart.", "Tell your administrator.")
        if encounters_of(ours, BASE) - encounters_of(theirs, BASE):
            raise ChartRefused("wrong_chart", "It is in another visit.", "Tell your administrator.")

    def _put(self, kind: str, id_: str, resource: Resource, *, version: int) -> None:
        meta = {**resource.get("meta", {}), "versionId": str(version)}
        self.resources[f"{kind}/{id_}"] = {**copy.deepcopy(resource), "id": id_, "meta": meta}
        if self._loses_answers:
            raise self._lost


class FakeCharts:
    """Gives the same chart for every grant, or one per grant when put into `by_grant`."""

    def __init__(self, chart: Chart | None = None) -> None:
        self.chart: Chart = chart if chart is not None else FakeChart()
        self.by_grant: dict[str, Chart] = {}
        self.switch: bool | None = None

    def for_grant(self, ehr_grant_id: str) -> Chart:
        """Return the chart of a launch."""
        return self.by_grant.get(ehr_grant_id, self.chart)

    def ehr_switch(self, ehr_grant_id: str) -> bool | None:
        """Return the switch as it was put."""
        return self.switch


def _etag(found: Resource) -> str:
    return f'W/"{found["meta"]["versionId"]}"'


def _gone(resource_type: str) -> ChartRefused:
    return ChartRefused("gone", f"The {resource_type} is not in the chart.", "Look in the chart.")
