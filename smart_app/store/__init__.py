"""SQLAlchemy tables, migrations and the queries, named for the question they answer."""
