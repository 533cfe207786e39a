"""One thing that a command found: how bad it is, what it is, what to do; and how a list of them is told."""

from collections.abc import Iterable
from dataclasses import dataclass

from plugin import terminal
from plugin.failures import Exit

ORDER = ("problem", "warning", "note", "ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: mark (ok, note, warning, problem), a stable code, what was found, what to do."""

    mark: str
    code: str
    found: str
    todo: str = ""


def ok(code: str, found: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(mark="ok", code=code, found=found)


def note(code: str, found: str, todo: str = "") -> Finding:
    """Return what is good to know."""
    return Finding(mark="note", code=code, found=found, todo=todo)


def warning(code: str, found: str, todo: str) -> Finding:
    """Return what works today and should be mended."""
    return Finding(mark="warning", code=code, found=found, todo=todo)


def problem(code: str, found: str, todo: str) -> Finding:
    """Return what does not work."""
    return Finding(mark="problem", code=code, found=found, todo=todo)


def sorted_by_weight(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the problems first, then warnings, notes and what is well, each in the order found."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.mark)))


def status_of(findings: Iterable[Finding]) -> Exit:
    """Return the exit status: 1 where there is a problem."""
    return Exit.PROBLEM if any(each.mark == "problem" for each in findings) else Exit.OK


def show(findings: Iterable[Finding]) -> None:
    """Write the findings as a table."""
    told = [(terminal.MARKS[one.mark][0], f"{one.found} {one.todo}".strip()) for one in findings]
    terminal.table(("", "found"), told)
