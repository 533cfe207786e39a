"""Alembic migrations; one head, zero-padded ids."""
