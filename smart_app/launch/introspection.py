"""Asks an EHR about a token that a client sent to our own FHIR face (RFC 7662), where the site allows that."""

from collections.abc import Mapping
from typing import Any

from smart_app.config import Ehr
from smart_app.launch.client_auth import TokenRequests
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery
from smart_app.ports import Http


class Introspection:
    """Sends introspection requests with Chartside's own registration at the EHR."""

    def __init__(self, *, http: Http, keys: ClientKeys, discovery: Discovery) -> None:
        self._requests = TokenRequests(http=http, keys=keys)
        self._discovery = discovery

    def __call__(self, ehr: Ehr, token: str) -> Mapping[str, Any]:
        """Return what the EHR says of the token; {} when it says nothing of use. Raises ChartsideError."""
        url = self._discovery.find_introspection(ehr)
        answer = self._requests.post(ehr, url, {"token": token, "token_type_hint": "access_token"})
        return answer.fields() if answer.status == 200 else {}
