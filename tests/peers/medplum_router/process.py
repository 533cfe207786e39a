"""The Medplum router as a child process."""

from pathlib import Path

from tests.peers.node_peer import NodePeer


class MedplumRouter(NodePeer):
    """`with MedplumRouter() as peer:`; `base_url` is its FHIR base. It asks for no token."""

    def __init__(self) -> None:
        super().__init__(Path(__file__).with_name("server.mjs"))
