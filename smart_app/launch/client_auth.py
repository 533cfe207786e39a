"""Requests with the client's proof as the EHR's entry says (a secret, a key, or none): for tokens, and about them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from authlib.oauth2.auth import ClientAuth

from smart_app.config import Ehr
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import registered_origins
from smart_app.ports import Http, HttpAnswer

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenRequests:
    """Sends forms to the EHR's OAuth endpoints; each is sent once, never outside the EHR's registered origins."""

    def __init__(self, *, http: Http, keys: ClientKeys) -> None:
        self._http = http
        self._keys = keys

    def send(self, ehr: Ehr, token_endpoint: str, grant_type: str, **fields: str) -> HttpAnswer:
        """Ask for a token. Raises ChartRefused or ChartUnreachable."""
        return self.post(ehr, token_endpoint, {"grant_type": grant_type, **fields})

    def post(self, ehr: Ehr, url: str, form: Mapping[str, str]) -> HttpAnswer:
        """Post a form as this client. Raises ChartRefused or ChartUnreachable."""
        headers: Mapping[str, str] = {}
        if ehr.auth == "private_key_jwt":
            # No client_id in the form: for confidential clients it stands in the assertion (SMART 2.2 @72).
            proof = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": self._keys.assertion(ehr, url)}
            body = urlencode({**form, **proof})
        else:
            auth = ClientAuth(ehr.client_id, ehr.client_secret.reveal().decode(), ehr.auth)
            url, headers, body = auth.prepare("POST", url, {}, urlencode(form))
        return self._http.post_form(url, body, headers=headers, origins=registered_origins(ehr))
