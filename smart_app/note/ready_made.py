"""The templates that are there after installing (S32)."""

from datetime import datetime, timedelta
from typing import Any

from smart_app.note.elements import AI_TITLE, AI_TYPE
from smart_app.note.session_facts import DETAILS_TYPE
from smart_app.store import templates
from smart_app.store.database import Db

_DETAILS = {"link_id": DETAILS_TYPE, "title": "Session details", "type": DETAILS_TYPE}


def _ai(style: str, **more: Any) -> dict[str, Any]:
    return {"link_id": AI_TYPE, "title": AI_TITLE, "type": AI_TYPE, "style": style, **more}


def _text(link_id: str, title: str) -> dict[str, Any]:
    return {"link_id": link_id, "title": title, "type": "text"}


READY_MADE: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    ("ai-session-summary", "AI Session Summary", [_ai("soap")]),
    (
        "soap-progress-note",
        "SOAP progress note",
        [
            _text("presenting-concern", "Presenting concern"),
            _ai("soap"),
            _text("risk", "Risk assessment"),
            _text("plan-details", "Plan details"),
        ],
    ),
    (
        "brief-contact-note",
        "Brief contact note",
        [_text("reason", "Reason for contact"), _text("contact", "What was discussed"), _text("next", "Next step")],
    ),
    ("dap-progress-note", "DAP progress note", [_DETAILS, _ai("dap"), _text("risk", "Risk assessment")]),
    ("birp-progress-note", "BIRP progress note", [_DETAILS, _ai("birp"), _text("risk", "Risk assessment")]),
    ("girp-progress-note", "GIRP progress note", [_DETAILS, _ai("girp"), _text("risk", "Risk assessment")]),
    ("narrative-note", "Narrative progress note", [_DETAILS, _ai("narrative"), _text("risk", "Risk assessment")]),
    (
        "headed-note",
        "Progress note with your own headings",
        [
            _DETAILS,
            _ai(
                "own",
                headings=[
                    {"title": "Since the last session", "kind": "reported"},
                    {"title": "What we did", "kind": "intervention"},
                    {"title": "How it went", "kind": "response"},
                    {"title": "Agreed for next time", "kind": "planned"},
                    {"title": "Also said", "kind": "general"},
                ],
            ),
            _text("risk", "Risk assessment"),
        ],
    ),
)
"""(id, title, elements); the ids are stable, so that seeding twice changes nothing."""


def seed_templates(db: Db, now: datetime) -> None:
    """Add the ready-made templates that are not there yet."""
    for number, (template_id, title, elements) in enumerate(READY_MADE):
        if templates.find(db, template_id) is None:
            made_at = now + timedelta(microseconds=number)  # lists follow the order in which they were made
            templates.add(db, template_id=template_id, title=title, elements=elements, is_ready_made=True, now=made_at)
