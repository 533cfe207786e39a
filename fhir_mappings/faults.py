"""What is wrong with a resource, and the exception that carries it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One broken rule: where, which, and in words; never holds a value of the resource."""

    path: str
    rule: str
    message: str


class InvalidResource(ValueError):
    """A resource or record that must not be sent or used; `faults` says why, in order of the path."""

    def __init__(self, resource_type: str, faults: tuple[Fault, ...]) -> None:
        self.resource_type = resource_type
        self.faults = faults
        listed = "; ".join(f"{fault.path or '(root)'}: {fault.message} [{fault.rule}]" for fault in faults[:5])
        super().__init__(f"{resource_type}: {len(faults)} fault(s): {listed}")


def refuse(resource_type: str, path: str, message: str) -> InvalidResource:
    """Build the exception for a record that has no valid mapping."""
    return InvalidResource(resource_type, (Fault(path=path, rule="record", message=message),))
