"""The search parameters of the face, as its CapabilityStatement names them, and where each value stands. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["token", "date", "reference", "uri"]
_R4 = "http://hl7.org/fhir/SearchParameter/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One search parameter of one resource type."""

    name: str
    kind: Kind
    paths: tuple[str, ...] = ()
    """Where its values stand in the body; empty: it is a column (id, patient, encounter, last change, EHR)."""
    definition: str = ""
    """The R4 definition's last part; empty: it is Chartside's own."""
    words: str

    def to_fhir(self) -> dict[str, str]:
        """Return it as CapabilityStatement.rest.resource.searchParam."""
        found = {"name": self.name, "type": self.kind, "documentation": self.words}
        return {**found, "definition": _R4 + self.definition} if self.definition else found


COMMON = (
    Parameter(name="_id", kind="token", definition="Resource-id", words="The resource's id."),
    Parameter(
        name="_lastUpdated",
        kind="date",
        definition="Resource-lastUpdated",
        words="When it last changed here; ranges by two.",
    ),
    Parameter(
        name="_security",
        kind="token",
        paths=("meta.security",),
        definition="Resource-security",
        words="A label, e.g. AIAST for what holds AI text.",
    ),
    Parameter(
        name="_source",
        kind="uri",
        definition="Resource-source",
        words="The FHIR base of the EHR whose patient it is about.",
    ),
)
_PATIENT = "The patient's id in the EHR, Patient/id, or the full address there."
_ENCOUNTER = "The encounter's id in the EHR, Encounter/id, or the full address there."


def _patient(definition: str) -> Parameter:
    return Parameter(name="patient", kind="reference", definition=definition, words=_PATIENT)


def _encounter(definition: str = "", *, name: str = "encounter") -> Parameter:
    return Parameter(name=name, kind="reference", definition=definition, words=_ENCOUNTER)


def _token(name: str, *paths: str, definition: str = "", words: str = "") -> Parameter:
    return Parameter(name=name, kind="token", paths=paths, definition=definition, words=words or f"By {name}.")


def _date(name: str, *paths: str, definition: str = "", words: str) -> Parameter:
    return Parameter(name=name, kind="date", paths=paths, definition=definition, words=words)


_BY_TYPE: Mapping[str, tuple[Parameter, ...]] = {
    "Consent": (
        _patient("clinical-patient"),
        _encounter(),
        _encounter("Consent-data", name="data"),
        _date("date", "dateTime", definition="clinical-date", words="When it was answered, or withdrawn."),
        _token("status", "status", definition="Consent-status", words="active, rejected or inactive."),
        _token("category", "category", definition="Consent-category"),
        _token("scope", "scope", definition="Consent-scope"),
        _token("identifier", "identifier", definition="clinical-identifier"),
    ),
    "Media": (
        _patient("Media-patient"),
        Parameter(name="subject", kind="reference", definition="Media-subject", words=_PATIENT),
        _encounter("Media-encounter"),
        _date("created", "createdPeriod", definition="Media-created", words="When it was recorded."),
        _date("date", "createdPeriod", words="As created."),
        _token("status", "status", definition="Media-status", words="in-progress, completed or stopped."),
        _token("type", "type", definition="Media-type"),
        _token("identifier", "identifier", definition="Media-identifier"),
    ),
    "DocumentReference": (
        _patient("clinical-patient"),
        Parameter(name="subject", kind="reference", definition="DocumentReference-subject", words=_PATIENT),
        _encounter("clinical-encounter"),
        _date("date", "date", definition="DocumentReference-date", words="When this version of the note was made."),
        _date("period", "context.period", definition="DocumentReference-period", words="When the session was."),
        _token(
            "status",
            "status",
            definition="DocumentReference-status",
            words="current, superseded or entered-in-error.",
        ),
        _token("doc-status", "docStatus", words="preliminary, final or amended (as R5 names it)."),
        _token("category", "category", definition="DocumentReference-category"),
        _token("type", "type", definition="clinical-type"),
        _token("security-label", "securityLabel", definition="DocumentReference-security-label"),
        _token("identifier", "identifier", definition="clinical-identifier"),
        Parameter(
            name="relatesto",
            kind="reference",
            paths=("relatesTo.target",),
            definition="DocumentReference-relatesto",
            words="The note that it replaces.",
        ),
    ),
    "Provenance": (
        _patient("Provenance-patient"),
        _encounter(),
        Parameter(
            name="target",
            kind="reference",
            paths=("target",),
            definition="Provenance-target",
            words="The note it is about: DocumentReference/id.",
        ),
        _date("recorded", "recorded", definition="Provenance-recorded", words="When it was recorded."),
        _date("date", "recorded", words="As recorded."),
        _token("type", "activity", words="CREATE for the draft, LA for the signature."),
    ),
}
TYPES = tuple(_BY_TYPE)
PATIENT = frozenset({"patient", "subject"})
ENCOUNTER = frozenset({"encounter", "data"})


def of(resource_type: str) -> dict[str, Parameter]:
    """Return a type's search parameters by name."""
    return {each.name: each for each in (*COMMON, *_BY_TYPE[resource_type])}


def values(body: Any, path: str) -> Iterator[Any]:
    """Go through what stands at a path, lists flattened."""
    if isinstance(body, list):
        for each in body:
            yield from values(each, path)
        return
    if not path:
        yield body
        return
    name, _, rest = path.partition(".")
    if isinstance(body, dict) and name in body:
        yield from values(body[name], rest)
