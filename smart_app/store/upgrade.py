"""Bring the database to the newest schema, at the start of each process; safe when several start at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from smart_app.store.database import Database

_POSTGRES_LOCK = 7_236_002
"""One process migrates, the others wait; SQLite's write transaction does the same by itself."""
MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config() -> Config:
    """Return Alembic's configuration for our migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(database: Database) -> None:
    """Run the migrations that are missing, in one transaction."""
    config = alembic_config()
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
