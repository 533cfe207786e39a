"""The signalling mailbox."""

from datetime import UTC, datetime

from smart_app.store import signals
from smart_app.store.database import Database

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def test_a_dropped_lines_number_is_never_given_again(database: Database) -> None:
    """A page asks for what comes after the last number it saw; a reused number would hide every later line."""
    with database.begin() as db:
        # The mailbox alone is looked at; its session needs no row here.
        db.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for _ in range(3):
            signals.post(db, "s", from_id="a", to_id="b", body={}, at=AT)
        seen = signals.after(db, "b", 0)[-1]["id"]
        signals.forget_fetched(db, "b", seen)
        signals.post(db, "s", from_id="a", to_id="b", body={}, at=AT)
        assert [line["id"] for line in signals.after(db, "b", seen)] == [seen + 1]
        signals.forget_session(db, "s")
