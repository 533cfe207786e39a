"""The bearer token of a request (RFC 6750)."""

import re

_HEADER = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)", re.IGNORECASE)


def bearer(header: str) -> str:
    """Return the token of an Authorization header; empty for anything else."""
    found = _HEADER.fullmatch(header)
    return found[1] if found else ""
