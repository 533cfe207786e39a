"""Requests to a token endpoint, with the client's proof as the EHR's entry says: a secret, a key, or none."""

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from smart_app.config import Ehr
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import registered_origins
from smart_app.ports import Http, HttpAnswer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenRequests:
    """Sends token requests; each is sent once, never to a server outside the EHR's registered origins."""

    def __init__(self, *, http: Http, keys: ClientKeys) -> None:
        self._http = http
        self._keys = keys

    def send(self, ehr: Ehr, token_endpoint: str, grant_type: str, **fields: str) -> HttpAnswer:
        """Ask for a token. Raises ChartRefused or ChartUnreachable."""
        origins = registered_origins(ehr)
        if ehr.auth == "private_key_jwt":
            # No client_id in the form: for confidential clients it stands in the assertion (SMART 2.2 @72).
            fields |= {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self._keys.assertion(ehr, token_endpoint),
            }
            body = prepare_token_request(grant_type, **fields)
            return self._http.post_form(token_endpoint, body, headers={}, origins=origins)
        auth = ClientAuth(ehr.client_id, ehr.client_secret.reveal().decode(), ehr.auth)
        body = prepare_token_request(grant_type, **fields)
        url, headers, body = auth.prepare("POST", token_endpoint, {}, body)
        return self._http.post_form(url, body, headers=headers, origins=origins)
