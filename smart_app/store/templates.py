"""Note templates: find, list, add, change, archive. A clinician has their own; the ready-made ones are everybody's."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from smart_app.errors import NotFound
from smart_app.store.database import Db
from smart_app.store.tables import Template


def find(db: Db, template_id: str) -> Template | None:
    """Return the template."""
    return db.get(Template, template_id)


def readable(db: Db, template_id: str, clinician_id: str) -> Template:
    """Return a ready-made template or the clinician's own. Raises NotFound, also for somebody else's."""
    row = db.get(Template, template_id)
    if row is None or not (row.is_ready_made or row.created_by == clinician_id):
        raise NotFound("no_template", "This template does not exist.", "Choose another from the list of templates.")
    return row


def own(db: Db, template_id: str, clinician_id: str) -> Template:
    """Return the clinician's own template, locked for a change. Raises NotFound."""
    query = select(Template).where(
        Template.id == template_id, Template.created_by == clinician_id, Template.is_ready_made.is_(False)
    )
    row = db.scalar(query.with_for_update())
    if row is None:
        raise NotFound("no_template", "This template is not yours to change.", "Copy it, and change the copy.")
    return row


def every(db: Db) -> list[Template]:
    """Return all templates, ready-made ones first, in the order in which they were made."""
    return list(
        db.scalars(select(Template).order_by(Template.is_ready_made.desc(), Template.created_at, Template.title))
    )


def of_clinician(db: Db, clinician_id: str) -> list[Template]:
    """Return the ready-made templates and the clinician's own, archived ones too: ready-made first, then by age."""
    return list(
        db.scalars(
            select(Template)
            .where(or_(Template.is_ready_made.is_(True), Template.created_by == clinician_id))
            .order_by(Template.is_ready_made.desc(), Template.created_at, Template.title)
        )
    )


def offered(db: Db, clinician_id: str) -> list[Template]:
    """Return what the clinician may make a note from."""
    return [each for each in of_clinician(db, clinician_id) if each.archived_at is None]


def add(
    db: Db,
    *,
    template_id: str,
    title: str,
    elements: list[dict[str, Any]],
    is_ready_made: bool,
    now: datetime,
    created_by: str | None = None,
) -> Template:
    """Add a template."""
    row = Template(
        id=template_id,
        title=title,
        elements=elements,
        is_ready_made=is_ready_made,
        created_by=created_by,
        created_at=now,
    )
    db.add(row)
    db.flush()
    return row
