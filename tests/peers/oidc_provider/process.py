"""The authorization server as a child process."""

import json
from pathlib import Path
from typing import Any

from tests.peers.node_peer import NodePeer


class OidcProvider(NodePeer):
    """`with OidcProvider(...) as peer:`; `base_url` is its issuer, `fhir_url` the `iss` of launches."""

    def __init__(self, **told: Any) -> None:
        """`told`: client_id, redirect_uri, jwks, algorithm and id_token_algorithm."""
        super().__init__(Path(__file__).with_name("server.mjs"), json.dumps(told))

    @property
    def fhir_url(self) -> str:
        """Return the FHIR base."""
        return f"{self.base_url}/fhir"
