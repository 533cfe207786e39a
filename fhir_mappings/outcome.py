"""Issue <-> FHIR OperationOutcome: what our own FHIR face answers, and what a server's refusal says."""

from typing import Any

from fhir_mappings import rules, text
from fhir_mappings.elements import Resource
from fhir_mappings.model import Issue, Site

MAX_TEXT = 500
MAX_ISSUES = 20
_SEVERITIES = {"fatal", "error", "warning", "information"}


def to_fhir(issue: Issue, site: Site) -> Resource:
    """Write an OperationOutcome with one issue. Raises InvalidResource for a code outside R4's issue-type."""
    details = {"text": text.clean(issue.text)[:MAX_TEXT]}
    found = {"severity": issue.severity, "code": issue.code, "details": details}
    return rules.require({"resourceType": "OperationOutcome", "issue": [found]}, site)


def from_fhir(answer: object) -> tuple[Issue, ...]:
    """Read a server's answer, which may be anything; never raises, () if it is no OperationOutcome.

    The text is foreign: plain and capped, to be escaped wherever it is shown.
    """
    if not isinstance(answer, dict) or answer.get("resourceType") != "OperationOutcome":
        return ()
    issues = answer.get("issue")
    listed = issues[:MAX_ISSUES] if isinstance(issues, list) else []
    return tuple(_read(issue) for issue in listed if isinstance(issue, dict))


def _read(issue: dict[str, Any]) -> Issue:
    severity, code, details = issue.get("severity"), issue.get("code"), issue.get("details")
    said = (details.get("text") if isinstance(details, dict) else None) or issue.get("diagnostics")
    return Issue(
        severity=severity if severity in _SEVERITIES else "error",
        code=code if isinstance(code, str) and code.replace("-", "").isalpha() and len(code) <= 40 else "unknown",
        text=" ".join(text.clean(said).split())[:MAX_TEXT] if isinstance(said, str) else "",
    )
