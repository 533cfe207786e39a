"""The written order of fall-backs: for each step of a visit, how an EHR may hold it, best first. Data only.

`chartside check` shows it before anything is installed, and docs/architecture.md documents it. OpenEMR's own ways were
measured on 8.2.0-dev: its CapabilityStatement proves nothing about writes, so only scopes decide there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Adapter = Literal["fhir_r4", "openemr", "openemr_module"]
Step = Literal["opt_in", "consent", "recording", "draft", "sign", "amend", "provenance", "notice", "template", "audit"]
Takes = Callable[[str, str], bool]
"""Says whether a server takes an operation (create, read, update, search) on a resource, or on a way of OpenEMR's."""
MODULE_RESOURCE = "chartside"
"""The resource name of our OpenEMR module's own scope, user/chartside.crus."""
_MODULE_SCOPE = f"user/{MODULE_RESOURCE}."
_OPENEMR = "OpenEMR"
_OPENEMR_SCOPE = "api:oemr"
"""In no other server's list: it tells an OpenEMR whose statement is kept behind a login, or names no software."""
APP = "app"
"""Not in the EHR: kept in Chartside, shown there with its reason, and read by FHIR clients from its own face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of a step: its name (Filing.way), what the EHR must take for it, and what Chartside does."""

    name: str
    words: str
    needs: tuple[tuple[str, str], ...] = ()


def _way(name: str, words: str, *needs: str) -> Way:
    """Make a way from needs in short: `Consent create update`."""
    pairs = tuple((need.split()[0], operation) for need in needs for operation in need.split()[1:])
    return Way(name=name, words=words, needs=pairs)


_CONSENT = _way(
    "fhir", "Each answer is filed as a FHIR Consent; a withdrawal makes it inactive.", "Consent create update"
)
_CONSENT_ONCE = _way(
    "fhir", "Each answer is filed as a FHIR Consent; a withdrawal is kept in Chartside only.", "Consent create"
)
_MEDIA = _way(
    "fhir",
    "A FHIR Media says that a recording exists (never its sound), and becomes a tombstone at its erasure.",
    "Media create update",
)
_PROVENANCE = _way("fhir", "A FHIR Provenance names the model and the human who signed.", "Provenance create")
_PROVENANCE_TEXT = _way(APP, "The note's text names the software; the details are kept in Chartside.")
_NOTICE_APP = _way(APP, "A notice pops up in Chartside; nothing is sent to the EHR.")
_TEMPLATE_APP = _way(APP, "The templates are Chartside's own; the EHR holds no form of them.")
_AUDIT_APP = _way(APP, "Chartside's own hash-chained audit trail, which can be exported.")
_OPT_IN_APP = _way(APP, "The clinician's own switch is kept in Chartside.")
_RECORDING_APP = _way(APP, "That a recording existed is kept in Chartside and read from its FHIR face.")
_DRAFT_APP = _way(APP, "Drafts stay in Chartside until they are signed; Save draft to chart is not offered.")
_SIGN_APP = _way(APP, "The signed note stays in Chartside; the clinician copies its text into the chart.")
_CONSENT_APP = _way(APP, "Each answer is kept in Chartside and read from its FHIR face.")
_AMEND_APP = _way(APP, "The addendum stays in Chartside; the clinician copies its text into the chart.")
_FHIR_NOTE = ("DocumentReference create", "DocumentReference update")

ORDER: Mapping[Step, Mapping[Adapter, tuple[Way, ...]]] = {
    "opt_in": {
        "fhir_r4": (_OPT_IN_APP,),
        "openemr": (_OPT_IN_APP,),
        "openemr_module": (
            _way(
                "module",
                "The clinician's switch in OpenEMR and the one in Chartside must both be on.",
                "chartside read",
            ),
            _OPT_IN_APP,
        ),
    },
    "consent": {
        "fhir_r4": (_CONSENT, _CONSENT_ONCE, _CONSENT_APP),
        "openemr": (
            _way(
                "document",
                "A text receipt of each answer is filed as a document; a withdrawal adds another.",
                "document create read",
            ),
            _CONSENT_APP,
        ),
        "openemr_module": (_CONSENT, _CONSENT_APP),
    },
    "recording": {
        "fhir_r4": (_MEDIA, _RECORDING_APP),
        "openemr": (_RECORDING_APP,),
        "openemr_module": (_MEDIA, _RECORDING_APP),
    },
    "draft": {
        "fhir_r4": (
            _way("fhir", "Save draft to chart files a preliminary DocumentReference.", *_FHIR_NOTE),
            _DRAFT_APP,
        ),
        "openemr": (_DRAFT_APP,),
        "openemr_module": (
            _way(
                "clinical-note", "Save draft to chart files a Clinical Note whose first line says DRAFT.", *_FHIR_NOTE
            ),
            _DRAFT_APP,
        ),
    },
    "sign": {
        "fhir_r4": (
            _way("fhir", "The signed note is a final DocumentReference, read back and compared.", *_FHIR_NOTE[:1]),
            _SIGN_APP,
        ),
        "openemr": (
            _way(
                "document",
                "The signed note is uploaded as a text document, read back through FHIR and compared.",
                "document create read",
            ),
            _SIGN_APP,
        ),
        "openemr_module": (
            _way("clinical-note", "The signed note is a Clinical Note, found by every FHIR client.", *_FHIR_NOTE[:1]),
            _SIGN_APP,
        ),
    },
    "amend": {
        "fhir_r4": (
            _way("fhir", "An addendum is a new DocumentReference that replaces the old one.", *_FHIR_NOTE),
            _way(
                "fhir",
                "An addendum is a new DocumentReference; the old one cannot be marked superseded.",
                *_FHIR_NOTE[:1],
            ),
            _AMEND_APP,
        ),
        "openemr": (
            _way("document", "An addendum is a new document whose text names the old one.", "document create read"),
            _AMEND_APP,
        ),
        "openemr_module": (
            _way("clinical-note", "An addendum is a new Clinical Note whose text names the old one.", *_FHIR_NOTE),
            _AMEND_APP,
        ),
    },
    "provenance": {
        "fhir_r4": (_PROVENANCE, _PROVENANCE_TEXT),
        "openemr": (_PROVENANCE_TEXT,),
        "openemr_module": (_PROVENANCE_TEXT,),
    },
    "notice": {
        "fhir_r4": (
            _way(
                "task",
                "A FHIR Task asks for the review, beside the notice in Chartside, where the site switches it on.",
                "Task create",
            ),
            _NOTICE_APP,
        ),
        "openemr": (
            _way("message", "A message in OpenEMR's inbox says that the summary is ready.", "message create"),
            _NOTICE_APP,
        ),
        "openemr_module": (
            _way("module", "A pop-up in OpenEMR's main window says that the summary is ready.", "chartside create"),
            _way("message", "A message in OpenEMR's inbox says that the summary is ready.", "message create"),
            _NOTICE_APP,
        ),
    },
    "template": {
        "fhir_r4": (
            _way("fhir", "The template that a note was made from is filed as a Questionnaire.", "Questionnaire create"),
            _TEMPLATE_APP,
        ),
        "openemr": (_TEMPLATE_APP,),
        "openemr_module": (_TEMPLATE_APP,),
    },
    "audit": {
        "fhir_r4": (
            _way(
                "fhir",
                "Each erasure is filed as a FHIR AuditEvent, beside Chartside's own audit trail.",
                "AuditEvent create",
            ),
            _AUDIT_APP,
        ),
        "openemr": (_AUDIT_APP,),
        "openemr_module": (_AUDIT_APP,),
    },
}


def adapter_for(statement: Mapping[str, Any] | None, scopes: Iterable[str]) -> Adapter:
    """Name the adapter for a server by its CapabilityStatement's software and its scopes (flattened)."""
    words = tuple(scopes)
    if not is_openemr(software_of(statement).get("name", ""), words):
        return "fhir_r4"
    return "openemr_module" if lists_module(words) else "openemr"


def software_of(statement: Mapping[str, Any] | None) -> dict[str, str]:
    """Return name and version as a CapabilityStatement states them, cut to what can be kept; those that it states."""
    found = (statement or {}).get("software")
    if not isinstance(found, dict):
        return {}
    return {name: str(found[name])[:100] for name in ("name", "version") if isinstance(found.get(name), str)}


def is_openemr(name: str, scopes: Iterable[str]) -> bool:
    """Say whether a server is an OpenEMR: by the name of its software, or by its scopes where it has no name."""
    return name == _OPENEMR if name else _OPENEMR_SCOPE in scopes


def lists_module(scopes: Iterable[str]) -> bool:
    """Say whether an OpenEMR lists the scopes of our module."""
    return any(word.startswith(_MODULE_SCOPE) for word in scopes)


def choose(step: Step, adapter: Adapter, takes: Takes) -> Way:
    """Return the first way of the step whose every need the server takes; the last one needs nothing."""
    return next(way for way in ORDER[step][adapter] if all(takes(*need) for need in way.needs))


def holds_drafts(adapter: Adapter) -> bool:
    """Say whether an EHR of this kind can hold a draft at all (decision 15); a stock OpenEMR cannot take one back."""
    return any(way.name != APP for way in ORDER["draft"][adapter])
