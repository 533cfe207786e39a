"""Chartside's own keys at the EHRs (private_key_jwt): made here, published as a JWKS, turned over without a gap.

Both algorithms of SMART are there: a site may serve EHRs that take only one of them (OpenEMR: RS384).
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from smart_app.config import Ehr
from smart_app.ports import Clock
from smart_app.store import client_keys
from smart_app.store.database import Database, Db
from smart_app.store.sealed import Seal

ALGORITHMS = ("RS384", "ES384")
RSA_BITS = 2048
CACHED = timedelta(hours=1)
"""How long a server may keep our JWKS (Cache-Control, SMART 2.2 @303)."""
AHEAD = 2 * CACHED
"""A new key is published so long before it signs, and an old one so long after: every cache ran out by then."""
LIFETIME_S = 240
"""Of an assertion; five minutes at most are allowed (@331), one is left for a clock that is ahead."""


class ClientKeys:
    """The keys of this site, whoever asks; the rows are the truth, so web processes and workers agree."""

    def __init__(self, *, db: Database, seal: Seal, clock: Clock) -> None:
        self._db = db
        self._seal = seal
        self._clock = clock

    def assertion(self, ehr: Ehr, token_endpoint: str) -> str:
        """Return a fresh one-time JWT that proves the client at the token endpoint (RFC 7523, SMART 2.2 @319-332)."""
        now = self._clock.now()
        kid, private = self._signing(ehr.signing_algorithm, now)
        at = int(now.timestamp())
        claims = {
            "iss": ehr.client_id,
            "sub": ehr.client_id,
            "aud": token_endpoint,
            "iat": at,
            "exp": at + LIFETIME_S,
            "jti": str(uuid4()),
        }
        header = {"alg": ehr.signing_algorithm, "kid": kid, "typ": "JWT"}
        return jwt.encode(header, claims, private, algorithms=[ehr.signing_algorithm])

    def jwks(self, algorithm: str = "") -> dict[str, list[dict[str, Any]]]:
        """Return the public halves of all keys that a server may need now, with kid and algorithm.

        Of one algorithm alone for servers that stumble over keys of another type (sekmet-fhir 0.1.1 does).
        """
        now = self._clock.now()
        wanted = [name for name in ALGORITHMS if algorithm in {"", name}]
        for name in wanted:
            self._signing(name, now)
        with self._db.read() as db:
            rows = [row for row in client_keys.published(db, since=now - AHEAD) if row.algorithm in wanted]
            return {"keys": [_public(_key(client_keys.private_of(self._seal, row)), row.algorithm) for row in rows]}

    def rotate(self, *, is_leaked: bool = False) -> tuple[list[str], datetime]:
        """Make new keys; return their kids and when they begin to sign.

        They are published at once and sign two hours later, when no server still holds the JWKS of before; the old
        ones sign until then and stay published two hours more. Leaked keys are replaced and destroyed on the spot:
        servers that hold the old JWKS refuse Chartside until they read it again.
        """
        now = self._clock.now()
        signs_from = now if is_leaked else now + AHEAD
        with self._db.begin() as db:
            made = [self._make(db, algorithm, now=now, signs_from=signs_from) for algorithm in ALGORITHMS]
            kids = [str(key.kid) for key in made]
            client_keys.retire(db, at=signs_from, but=kids)
            client_keys.destroy(db, retired_before=now + timedelta(seconds=1) if is_leaked else now - AHEAD)
        return kids, signs_from

    def _signing(self, algorithm: str, now: datetime) -> tuple[str, Key]:
        with self._db.read() as db:
            row = client_keys.signing(db, algorithm, now=now)
        if row is not None:
            return row.kid, _key(client_keys.private_of(self._seal, row))
        with self._db.begin() as db:  # the first of its kind
            key = self._make(db, algorithm, now=now, signs_from=now)
        return str(key.kid), key

    def _make(self, db: Db, algorithm: str, *, now: datetime, signs_from: datetime) -> Key:
        key: Key = ECKey.generate_key("P-384", auto_kid=True)
        if algorithm == "RS384":
            key = RSAKey.generate_key(RSA_BITS, auto_kid=True)
        private = key.as_dict(private=True)
        client_keys.add(db, self._seal, private, algorithm=algorithm, now=now, signs_from=signs_from)
        return key


def _key(private: dict[str, Any]) -> Key:
    return ECKey.import_key(private) if private["kty"] == "EC" else RSAKey.import_key(private)


def _public(key: Key, algorithm: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), "use": "sig", "alg": algorithm, "key_ops": ["verify"]}
