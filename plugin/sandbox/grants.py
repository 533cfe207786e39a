"""What the authorization server remembers: launches, codes, tokens. SQLite, so that a restart forgets nothing."""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAUNCH_LIFETIME_S = 1800
CODE_LIFETIME_S = 60
REFRESH_LIFETIME_S = 90 * 24 * 3600

SCHEMA = """
CREATE TABLE IF NOT EXISTS launch (
  id_hash TEXT PRIMARY KEY, user_id TEXT NOT NULL, patient TEXT NOT NULL, encounter TEXT NOT NULL,
  expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS grant_row (
  id TEXT PRIMARY KEY, client_id TEXT NOT NULL, user_id TEXT NOT NULL, patient TEXT NOT NULL, encounter TEXT NOT NULL,
  scope TEXT NOT NULL, redirect_uri TEXT NOT NULL, code_challenge TEXT NOT NULL, nonce TEXT NOT NULL,
  code_hash TEXT UNIQUE NOT NULL, code_expires_at REAL NOT NULL, code_used INTEGER NOT NULL DEFAULT 0,
  revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS token (
  hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grant_row(id), kind TEXT NOT NULL, scope TEXT NOT NULL,
  expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """Who opened the app, and on which chart; empty patient or encounter: none."""

    user_id: str
    patient: str = ""
    encounter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One authorization: the code's data, and what every token made from it may do."""

    id: str
    client_id: str
    context: LaunchContext
    scope: str
    redirect_uri: str = ""
    code_challenge: str = ""
    nonce: str = ""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _grant(row: sqlite3.Row) -> Grant:
    context = LaunchContext(user_id=row["user_id"], patient=row["patient"], encounter=row["encounter"])
    return Grant(
        id=row["id"],
        client_id=row["client_id"],
        context=context,
        scope=row["scope"],
        redirect_uri=row["redirect_uri"],
        code_challenge=row["code_challenge"],
        nonce=row["nonce"],
    )


class GrantStore:
    """The rows behind launches, codes and tokens; secrets are kept as SHA-256 only."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def new_launch(self, context: LaunchContext) -> str:
        """Return a launch id, good once, for this user on this chart."""
        launch = secrets.token_urlsafe(24)
        values = (_hash(launch), context.user_id, context.patient, context.encounter, self._now() + LAUNCH_LIFETIME_S)
        with self._transaction() as db:
            db.execute(
                "INSERT INTO launch (id_hash, user_id, patient, encounter, expires_at) VALUES (?,?,?,?,?)", values
            )
        return launch

    def take_launch(self, launch: str, user_id: str) -> LaunchContext | None:
        """Use up a launch id; None when it is unknown, used, expired or another user's."""
        sql = (
            "UPDATE launch SET used = 1 WHERE id_hash = ? AND user_id = ? AND used = 0 AND expires_at > ?"
            " RETURNING user_id, patient, encounter"
        )
        with self._transaction() as db:
            row = db.execute(sql, (_hash(launch), user_id, self._now())).fetchone()
        return LaunchContext(**dict(row)) if row else None

    def add_code(self, code: str, grant: Grant) -> None:
        """Keep a fresh authorization code."""
        context = grant.context
        values = (
            *(grant.id, grant.client_id, context.user_id, context.patient, context.encounter, grant.scope),
            *(grant.redirect_uri, grant.code_challenge, grant.nonce, _hash(code), self._now() + CODE_LIFETIME_S),
        )
        sql = (
            "INSERT INTO grant_row (id, client_id, user_id, patient, encounter, scope, redirect_uri, code_challenge,"
            " nonce, code_hash, code_expires_at) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
        )
        with self._transaction() as db:
            db.execute(sql, values)

    def take_code(self, code: str, client_id: str) -> Grant | None:
        """Use up a code; a second use revokes what the first one gave (RFC 6749 section 4.1.2)."""
        sql = (
            "UPDATE grant_row SET code_used = 1"
            " WHERE code_hash = ? AND client_id = ? AND code_used = 0 AND code_expires_at > ? RETURNING *"
        )
        with self._transaction() as db:
            row = db.execute(sql, (_hash(code), client_id, self._now())).fetchone()
            if row is None:
                db.execute("UPDATE grant_row SET revoked = 1 WHERE code_hash = ? AND code_used = 1", (_hash(code),))
        return _grant(row) if row else None

    def is_nonce_known(self, nonce: str) -> bool:
        """Say whether an earlier authorization already had this nonce."""
        with self._lock:
            return self._connection.execute("SELECT 1 FROM grant_row WHERE nonce = ?", (nonce,)).fetchone() is not None

    def add_tokens(self, grant_id: str, token: dict[str, Any]) -> None:
        """Keep the access token and, where there is one, the refresh token of an answer."""
        now = self._now()
        rows = [(_hash(token["access_token"]), grant_id, "access", token["scope"], now + token["expires_in"])]
        if refresh := token.get("refresh_token"):
            rows.append((_hash(refresh), grant_id, "refresh", token["scope"], now + REFRESH_LIFETIME_S))
        with self._transaction() as db:
            db.executemany("INSERT INTO token (hash, grant_id, kind, scope, expires_at) VALUES (?,?,?,?,?)", rows)

    def access_grant(self, access_token: str) -> Grant | None:
        """Return what an access token stands for, with the scope of that token."""
        return self._read(access_token, "access")

    def take_refresh(self, refresh_token: str) -> Grant | None:
        """Use up a refresh token; reuse of a rotated one ends the whole grant (RFC 9700 section 4.14.2)."""
        sql = "UPDATE token SET used = 1 WHERE hash = ? AND kind = 'refresh' AND used = 0 AND expires_at > ?"
        with self._transaction() as db:
            is_fresh = db.execute(sql, (_hash(refresh_token), self._now())).rowcount == 1
            if not is_fresh:
                db.execute(
                    "UPDATE grant_row SET revoked = 1 WHERE id ="
                    " (SELECT grant_id FROM token WHERE hash = ? AND kind = 'refresh' AND used = 1)",
                    (_hash(refresh_token),),
                )
        return self._read(refresh_token, "refresh") if is_fresh else None

    def _read(self, secret: str, kind: str) -> Grant | None:
        sql = (
            "SELECT g.*, t.scope AS token_scope FROM token t JOIN grant_row g ON g.id = t.grant_id"
            " WHERE t.hash = ? AND t.kind = ? AND t.expires_at > ? AND g.revoked = 0"
        )
        with self._lock:
            row = self._connection.execute(sql, (_hash(secret), kind, self._now())).fetchone()
        if row is None:
            return None
        return _grant_with_scope(_grant(row), row["token_scope"])


def _grant_with_scope(grant: Grant, scope: str) -> Grant:
    return Grant(id=grant.id, client_id=grant.client_id, context=grant.context, scope=scope)
