"""The templates that are there after installing (S32)."""

from datetime import datetime, timedelta
from typing import Any

from smart_app.note.content import AI_TYPE
from smart_app.store import templates
from smart_app.store.database import Db

_AI = {"link_id": AI_TYPE, "title": "AI Session Summary", "type": AI_TYPE, "style": "soap"}


def _text(link_id: str, title: str) -> dict[str, Any]:
    return {"link_id": link_id, "title": title, "type": "text"}


READY_MADE: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    ("ai-session-summary", "AI Session Summary", [_AI]),
    (
        "soap-progress-note",
        "SOAP progress note",
        [
            _text("presenting-concern", "Presenting concern"),
            _AI,
            _text("risk", "Risk assessment"),
            _text("plan-details", "Plan details"),
        ],
    ),
    (
        "brief-contact-note",
        "Brief contact note",
        [_text("reason", "Reason for contact"), _text("contact", "What was discussed"), _text("next", "Next step")],
    ),
)
"""(id, title, elements); the ids are stable, so that seeding twice changes nothing."""


def seed_templates(db: Db, now: datetime) -> None:
    """Add the ready-made templates that are not there yet."""
    for number, (template_id, title, elements) in enumerate(READY_MADE):
        if templates.find(db, template_id) is None:
            made_at = now + timedelta(microseconds=number)  # lists follow the order in which they were made
            templates.add(db, template_id=template_id, title=title, elements=elements, is_ready_made=True, now=made_at)
