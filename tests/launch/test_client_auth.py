"""How Chartside proves itself at the token endpoint: each method of an EHR's entry, at the code and at each refresh."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from smart_app.config import Ehr
from smart_app.launch.client_keys import ClientKeys
from smart_app.secret import Secret
from smart_app.store.ehr_tables import ClientKey
from tests.launch.conftest import Site

PUBLIC: dict[str, Any] = {"auth": "none", "client_secret": ""}
POSTED: dict[str, Any] = {"auth": "client_secret_post"}
RS384: dict[str, Any] = {"auth": "private_key_jwt", "client_secret": ""}
ES384: dict[str, Any] = {**RS384, "signing_algorithm": "ES384"}


def _renewed(site: Site) -> dict[str, str]:
    """Sign in, let the token grow old, renew it; return the refresh request."""
    grant_id = site.sign_in(site.browser()).ehr_grant_id
    site.clock.tick(hours=1)
    site.ehr.faults.claims["now"] = int(site.clock.now().timestamp())
    site.tokens.access(grant_id)
    return dict(site.ehr.forms[-1])


@pytest.mark.req("smart@63", "smart@71")
@pytest.mark.parametrize("entry", [PUBLIC])
def test_a_public_client_names_itself_and_proves_nothing(site: Site) -> None:
    """Without a secret: client_id in the form, no Authorization header, no secret of any kind."""
    form = _renewed(site)
    assert set(form) == {"grant_type", "refresh_token", "client_id"}
    assert set(site.ehr.forms[0]) == {"grant_type", "code", "redirect_uri", "code_verifier", "client_id"}
    posts = [heads for call, heads in zip(site.ehr.calls, site.ehr.headers, strict=True) if call == ("POST", "/token")]
    assert len(posts) == 2
    assert not any("Authorization" in heads for heads in posts)


@pytest.mark.parametrize("entry", [POSTED])
def test_a_secret_goes_into_the_form_where_the_entry_says_so(site: Site) -> None:
    """client_secret_post: OpenEMR takes it though it does not list it."""
    assert _renewed(site)["client_secret"] == "s3cret"


@pytest.mark.req("smart@23", "smart@64", "smart@317", "smart@345")
def test_a_secret_goes_into_the_header_by_default(site: Site) -> None:
    """client_secret_basic: the client_id is the user name, the secret the password; the form holds neither."""
    form = _renewed(site)
    assert set(form) == {"grant_type", "refresh_token"}


@pytest.mark.req("smart@64", "smart@65", "smart@72", "smart@307", "smart@308", "smart@309", "smart@317", "smart@319")
@pytest.mark.req("smart@320", "smart@321", "smart@322", "smart@323", "smart@325", "smart@327", "smart@328", "smart@329")
@pytest.mark.req("smart@330", "smart@331", "smart@332", "smart@333", "smart@334", "T05")
@pytest.mark.parametrize("entry", [RS384, ES384], ids=["RS384", "ES384"])
def test_a_key_proves_the_client_with_a_new_assertion_each_time(site: Site, entry: dict[str, Any]) -> None:
    """alg, kid, typ, no jku; iss = sub = client_id; aud the token URL; four minutes; each jti once."""
    form = _renewed(site)
    assert set(form) == {"grant_type", "refresh_token", "client_assertion_type", "client_assertion"}
    published = {key["kid"]: key["alg"] for key in site.browser().get("/.well-known/jwks.json").get_json()["keys"]}
    first, second = site.ehr.assertions
    for token in (first, second):
        assert set(token.header) == {"alg", "kid", "typ"}
        assert token.header["typ"] == "JWT"
        assert token.header["alg"] == entry.get("signing_algorithm", "RS384") == published[token.header["kid"]]
        assert set(token.claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}
        assert token.claims["exp"] - token.claims["iat"] == 240
        assert token.claims["iss"] == token.claims["sub"] == "chartside"
        assert token.claims["aud"] == f"{site.ehr.base}/token"
    assert first.claims["jti"] != second.claims["jti"]


@pytest.mark.req("smart@332")
def test_no_two_assertions_share_a_jti(site: Site) -> None:
    """Not even those of one second."""
    keys = ClientKeys(db=site.db, seal=site.seal, clock=site.clock)
    ehr = Ehr(
        iss="https://ehr.example/fhir",
        name="",
        client_id="chartside",
        client_secret=Secret(b""),
        expected_issuer="",
        auth="private_key_jwt",
        signing_algorithm="ES384",
    )
    made = {keys.assertion(ehr, "https://ehr.example/token").split(".")[1] for _ in range(100)}
    assert len(made) == 100


@pytest.mark.req("smart@22", "smart@225", "smart@290", "smart@291", "smart@293", "smart@294", "smart@298", "smart@299")
@pytest.mark.req("smart@301", "smart@302", "smart@303", "smart@313", "smart@314", "smart@315", "smart@229")
def test_the_public_keys_are_published_and_nothing_else(site: Site) -> None:
    """A fixed address, no login, Cache-Control; kty, kid, use and the bare key of both algorithms; no private part."""
    answer = site.browser().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    keys = answer.get_json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) == 2
    rsa, ec = sorted(keys, key=lambda key: str(key["kty"]), reverse=True)
    assert set(rsa) == {"kty", "kid", "use", "alg", "key_ops", "n", "e"}
    assert set(ec) == {"kty", "kid", "use", "alg", "key_ops", "crv", "x", "y"}
    assert (rsa["alg"], ec["alg"], ec["crv"]) == ("RS384", "ES384", "P-384")
    assert all(key["use"] == "sig" and key["key_ops"] == ["verify"] for key in keys)
    assert site.browser().get("/.well-known/jwks.json").get_json() == answer.get_json()
    for alg, expected in (("RS384", [rsa]), ("ES384", [ec]), ("none", [])):
        assert site.browser().get(f"/.well-known/jwks.json?alg={alg}").get_json()["keys"] == expected


@pytest.mark.req("T05", "smart@295")
@pytest.mark.parametrize("entry", [ES384])
def test_a_private_key_is_nowhere_in_clear(
    site: Site, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Sealed in the database; in no answer, no log line."""
    _renewed(site)
    with site.db.read() as db:
        rows = list(db.scalars(select(ClientKey)))
    private = [site.seal.open(row.private_sealed, aad=f"client_key.private:{row.kid}")["d"] for row in rows]
    files = b"".join(path.read_bytes() for path in site.settings.data_dir.glob("chartside.sqlite*"))
    written = "".join(capsys.readouterr()) + caplog.text + site.browser().get("/.well-known/jwks.json").text
    assert len(private) == 2
    for part in private:
        assert re.fullmatch(r"[A-Za-z0-9_-]{64,}", part)
        assert part.encode() not in files
        assert part not in written


def _kids(site: Site) -> set[str]:
    return {key["kid"] for key in site.browser().get("/.well-known/jwks.json").get_json()["keys"]}


@pytest.mark.req("smart@295")
@pytest.mark.parametrize("entry", [ES384])
def test_keys_turn_over_without_a_moment_when_a_server_may_not_know_one(site: Site) -> None:
    """A new key is published two hours before it signs; the old one stays published two hours after its last use."""
    grant_id = site.sign_in(site.browser()).ehr_grant_id
    old = _kids(site)
    keys = ClientKeys(db=site.db, seal=site.seal, clock=site.clock)
    made, signs_from = keys.rotate()
    new = set(made)
    assert _kids(site) == old | new

    def signer(hours: float) -> str:
        site.clock.tick(hours=hours)
        site.ehr.faults.claims["now"] = int(site.clock.now().timestamp())
        site.tokens.access(grant_id)
        return str(site.ehr.assertions[-1].header["kid"])

    assert signer(1.9) in old
    assert signer(0.9) in new
    assert site.clock.now() > signs_from
    assert _kids(site) == old | new, "a token request of before may still be on its way"
    site.clock.tick(hours=1.3)
    assert _kids(site) == new
    assert signer(1) in new
    keys.rotate()
    with site.db.read() as db:
        assert not old & set(db.scalars(select(ClientKey.kid))), "nobody needs the old halves any more"


@pytest.mark.req("smart@295")
@pytest.mark.parametrize("entry", [RS384])
def test_leaked_keys_are_destroyed_at_once(site: Site) -> None:
    """Better that an EHR refuses us until it reads the keys again than that a thief is taken for us."""
    old = _kids(site)
    keys = ClientKeys(db=site.db, seal=site.seal, clock=site.clock)
    keys.rotate()
    made, signs_from = keys.rotate(is_leaked=True)
    assert signs_from == site.clock.now()
    assert _kids(site) == set(made)
    with site.db.read() as db:
        assert not old & set(db.scalars(select(ClientKey.kid)))
    site.sign_in(site.browser())
    assert site.ehr.assertions[-1].header["kid"] in made
