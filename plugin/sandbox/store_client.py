"""How the sandbox itself talks to its FHIR server: reads and searches for the chart, raw calls for the gateway."""

import json
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 30.0
POOL_SIZE = 16
FHIR_JSON = "application/fhir+json"

Resource = dict[str, Any]


class StoreUnreachable(Exception):
    """The FHIR server behind the gateway does not answer."""


class StoreClient:
    """The unguarded FHIR server on loopback; safe to share between threads."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy between two loopback processes
        self._http.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=POOL_SIZE))

    def call(
        self,
        method: str,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request as it is; raise StoreUnreachable when no answer comes."""
        try:
            return self._http.request(
                method,
                f"{self.base_url}/{path}",
                params=params,
                data=body,
                headers={"Accept": FHIR_JSON, "Content-Type": FHIR_JSON, **(headers or {})},
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise StoreUnreachable(str(error)) from error

    def read(self, reference: str) -> Resource | None:
        """Return the resource at `Type/id`, or None when there is none."""
        answer = self.call("GET", reference)
        if answer.status_code in (404, 410):
            return None
        answer.raise_for_status()
        resource: Resource = answer.json()
        return resource

    def search(self, resource_type: str, **params: str) -> list[Resource]:
        """Return up to 200 matches."""
        query = list(params.items())
        answer = self.call("GET", resource_type, params=[*query, ("_count", "200")])
        answer.raise_for_status()
        entries = answer.json().get("entry", [])
        return [entry["resource"] for entry in entries if entry.get("search", {}).get("mode") == "match"]

    def put(self, resource: Resource) -> None:
        """Write a resource under its own id."""
        path = f"{resource['resourceType']}/{resource['id']}"
        self.call("PUT", path, body=json.dumps(resource).encode()).raise_for_status()
