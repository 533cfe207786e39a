"""Asks an EHR about a token that a client sent to our own FHIR face (RFC 7662), where the site allows that."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.auth import ClientAuth

from smart_app.config import Ehr
from smart_app.launch.client_auth import ASSERTION_TYPE
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery, registered_origins
from smart_app.ports import Http


class Introspection:
    """Sends introspection requests with Chartside's own registration at the EHR."""

    def __init__(self, *, http: Http, keys: ClientKeys, discovery: Discovery) -> None:
        self._http = http
        self._keys = keys
        self._discovery = discovery

    def __call__(self, ehr: Ehr, token: str) -> Mapping[str, Any]:
        """Return what the EHR says of the token; {} when it says nothing of use. Raises ChartsideError."""
        url = self._discovery.find_introspection(ehr)
        form, headers = {"token": token, "token_type_hint": "access_token"}, dict[str, str]()
        if ehr.auth == "private_key_jwt":
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self._keys.assertion(ehr, url)}
            body = urlencode(form)
        else:
            auth = ClientAuth(ehr.client_id, ehr.client_secret.reveal().decode(), ehr.auth)
            _url, headers, body = auth.prepare("POST", url, {}, urlencode(form))
        answer = self._http.post_form(url, body, headers=headers, origins=registered_origins(ehr))
        try:
            found = answer.json() if answer.status == 200 else None
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}
