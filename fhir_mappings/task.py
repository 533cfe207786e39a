"""ReviewTask -> FHIR Task: review and sign a preliminary note."""

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, given, identifier, instant, reference
from fhir_mappings.model import ReviewTask, Site
from fhir_mappings.rules.workflow import REVIEW


def to_fhir(task: ReviewTask, site: Site) -> Resource:
    """Write the Task, requested, completed, or cancelled after a withdrawal. Raises InvalidResource."""
    resource = {"resourceType": "Task"} | given(
        identifier=[identifier(site, "task", task.identifier)] if task.identifier else None,
        status=task.status,
        intent="order",
        priority="routine",
        code=codes.APPROVE.concept(site),
        description=REVIEW,
        focus=reference(task.note),
        # `for` is a Python keyword, so it cannot be written as an argument.
        **{"for": reference(task.patient)},
        encounter=reference(task.encounter),
        authoredOn=instant(task.authored_at),
        lastModified=instant(task.modified_at),
        requester=reference(task.requester),
        owner=reference(task.owner),
    )
    return rules.require(resource, site)
