"""The key pairs of Chartside's client assertions: the private half sealed, the public half for the JWKS."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, or_, select

from smart_app.store.database import Db
from smart_app.store.ehr_tables import ClientKey
from smart_app.store.sealed import Seal


def add(db: Db, seal: Seal, private: Mapping[str, Any], *, algorithm: str, now: datetime, signs_from: datetime) -> None:
    """Keep a new key, given as a private JWK with its kid."""
    kid = str(private["kid"])
    db.add(
        ClientKey(
            kid=kid,
            algorithm=algorithm,
            private_sealed=seal.seal(dict(private), aad=_aad(kid)),
            created_at=now,
            signs_from=signs_from,
        )
    )
    db.flush()


def private_of(seal: Seal, row: ClientKey) -> dict[str, Any]:
    """Open a key: its private JWK."""
    return cast(dict[str, Any], seal.open(row.private_sealed, aad=_aad(row.kid)))


def signing(db: Db, algorithm: str, *, now: datetime) -> ClientKey | None:
    """Return the key that signs at this moment; None when there is none yet."""
    query = (
        select(ClientKey)
        .where(ClientKey.algorithm == algorithm, ClientKey.signs_from <= now, _lives(now))
        .order_by(ClientKey.signs_from.desc(), ClientKey.kid)
    )
    return db.scalars(query).first()


def published(db: Db, *, since: datetime) -> list[ClientKey]:
    """Return the keys that a server may still need: all but those retired before `since`."""
    return list(db.scalars(select(ClientKey).where(_lives(since)).order_by(ClientKey.created_at, ClientKey.kid)))


def retire(db: Db, *, at: datetime, but: list[str]) -> None:
    """Let every key but the named ones sign until then; one that is retired earlier already stays so."""
    for row in db.scalars(select(ClientKey).where(ClientKey.kid.not_in(but), _lives(at))):
        row.retired_at = at
    db.flush()


def destroy(db: Db, *, retired_before: datetime) -> None:
    """Delete the keys that nobody needs any more, private halves and all."""
    db.execute(delete(ClientKey).where(ClientKey.retired_at < retired_before))


def _lives(at: datetime) -> Any:
    return or_(ClientKey.retired_at.is_(None), ClientKey.retired_at > at)


def _aad(kid: str) -> str:
    return f"client_key.private:{kid}"
