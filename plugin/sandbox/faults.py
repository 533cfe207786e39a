"""Faults that the sandbox EHR plays on purpose: those of the SMART launcher (smart-launcher-v2), one at a time.

The name stands in `fault.txt` of its data folder and counts from the next request on; empty or absent: none.
"""

from pathlib import Path

FAULTS = {
    "auth_invalid_client_id": "the authorization page does not know the app",
    "auth_invalid_redirect_uri": "the authorization page does not know the app's address",
    "auth_invalid_scope": "the authorization page refuses the scope",
    "auth_invalid_client_secret": "the token endpoint refuses the app's secret",
    "token_invalid_token": "the token endpoint does not know the refresh token",
    "token_invalid_scope": "the token endpoint refuses the scope",
    "token_invalid_jti": "the token endpoint saw the client assertion before",
    "token_expired_refresh_token": "the refresh token has expired",
    "token_expired_registration_token": "the app's registration has expired",
    "request_invalid_token": "the FHIR server does not know the access token",
    "request_expired_token": "the access token has expired",
}
_AT_REFRESH = {
    "token_invalid_token": (401, "invalid_token"),
    "token_expired_refresh_token": (400, "invalid_grant"),
}
_AT_TOKEN = {
    "auth_invalid_client_secret": (401, "invalid_client"),
    "token_invalid_jti": (401, "invalid_client"),
    "token_expired_registration_token": (401, "invalid_client"),
    "token_invalid_scope": (400, "invalid_scope"),
}


class Faults:
    """Which fault is on, read anew at each request."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "fault.txt"

    def now(self) -> str:
        """Return the fault that is on; empty for none, and for a name that is none of FAULTS."""
        try:
            name = self._path.read_text(encoding="utf-8").strip()
        except OSError:
            return ""
        return name if name in FAULTS else ""

    def switch(self, name: str) -> None:
        """Play this fault from now on; empty: none. Raises ValueError for an unknown name."""
        if name and name not in FAULTS:
            raise ValueError(name)
        self._path.write_text(name, encoding="utf-8")

    def at_authorization(self) -> tuple[str, str]:
        """Return the OAuth error that the authorization page plays, and the sentence for it; empty for none."""
        name = self.now()
        if name not in {"auth_invalid_client_id", "auth_invalid_redirect_uri", "auth_invalid_scope"}:
            return "", ""
        return name.removeprefix("auth_"), f"Fault on purpose: {FAULTS[name]}."

    def at_token(self, grant_type: str) -> tuple[int, dict[str, str]] | None:
        """Return the answer of the token endpoint to this grant type; None: the usual one."""
        name = self.now()
        found = _AT_TOKEN.get(name) or (_AT_REFRESH.get(name) if grant_type == "refresh_token" else None)
        if found is None:
            return None
        return found[0], {"error": found[1], "error_description": f"Fault on purpose: {FAULTS[name]}."}

    def at_fhir(self) -> str:
        """Return why the FHIR server turns every token down; empty: it does not."""
        name = self.now()
        return f"Fault on purpose: {FAULTS[name]}." if name.startswith("request_") else ""
