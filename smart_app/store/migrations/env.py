"""Alembic's environment: the URL comes from `upgrade`, the tables from `tables.py`."""

from alembic import context

from smart_app.store import ehr_tables, live_tables, quality_tables, redraft_tables, tables  # noqa: F401 - they fill the metadata
from smart_app.store.database import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
