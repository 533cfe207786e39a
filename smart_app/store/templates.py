"""Note templates: find, list, add."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from smart_app.store.database import Db
from smart_app.store.tables import Template


def find(db: Db, template_id: str) -> Template | None:
    """Return the template."""
    return db.get(Template, template_id)


def every(db: Db) -> list[Template]:
    """Return all templates, ready-made ones first, in the order in which they were made."""
    return list(
        db.scalars(select(Template).order_by(Template.is_ready_made.desc(), Template.created_at, Template.title))
    )


def add(
    db: Db, *, template_id: str, title: str, elements: list[dict[str, Any]], is_ready_made: bool, now: datetime
) -> Template:
    """Add a template."""
    row = Template(id=template_id, title=title, elements=elements, is_ready_made=is_ready_made, created_at=now)
    db.add(row)
    db.flush()
    return row
