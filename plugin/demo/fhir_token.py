"""A token for the running demo's FHIR server, so that any FHIR client can be tried on what Chartside filed there."""

import json
from pathlib import Path

import requests

from plugin.sandbox.process import Visitor

NOT_RUNNING = "No demo runs with its data in {}. Start it with: make demo"


class NoDemo(Exception):
    """There is no demo to ask."""


def fhir_token(data_dir: Path, *, user: str, patient: str) -> tuple[str, str]:
    """Return (FHIR base, access token) of one of the sandbox's clinicians for one patient. Raises NoDemo."""
    try:
        client = json.loads((data_dir / "ehr" / "client.json").read_text())
        answer = Visitor(client["issuer"], client).connect(user, patient)
    except (OSError, requests.RequestException, LookupError) as error:
        raise NoDemo(NOT_RUNNING.format(data_dir)) from error
    return client["iss"], answer["access_token"]
