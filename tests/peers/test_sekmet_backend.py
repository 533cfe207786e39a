"""Backend services at a server that somebody else wrote: sekmet-fhir's token endpoint and its scope checks."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from sekmet.config import ServerAuth, SimulatorSettings, SmartClient, ValidationSettings
from sekmet.config import Settings as SekmetSettings
from sekmet.main import create_app
from sqlalchemy import select

from plugin.sandbox.process import free_port
from smart_app import config
from smart_app.chart.charts import FhirCharts
from smart_app.chart.http import GuardedHttp
from smart_app.errors import ChartNeedsRelaunch
from smart_app.launch.client_keys import ClientKeys
from smart_app.launch.discovery import Discovery
from smart_app.launch.services import FilingTokens
from smart_app.launch.tokens import TokenKeeper, seal_access
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from smart_app.store.tables import AuditLine, Clinician, EhrGrant
from tests.chart.bodies import note
from tests.conftest import FrozenClock, environment
from tests.fakes.real_charts import real_charts

CLIENTS = {"RS384": "chartside-rs", "ES384": "chartside-es"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The server, and the one site whose keys it knows."""

    root: str
    db: Database
    seal: Seal
    clock: FrozenClock
    folder: Path


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Run sekmet with SMART alone as its door, on a thread."""
    folder, port = tmp_path_factory.mktemp("backend"), free_port()
    seal, clock = Seal(config.load(environment(folder)).master_key), FrozenClock(datetime.now(UTC))
    db = Database(f"sqlite:///{folder / 'chartside.sqlite'}")
    Base.metadata.create_all(db.engine)
    keys = ClientKeys(db=db, seal=seal, clock=clock)
    scopes = "system/DocumentReference.cruds system/Consent.cruds"
    clients = [SmartClient(client_id=id_, jwks=keys.jwks(alg), scopes=scopes) for alg, id_ in CLIENTS.items()]
    settings = SekmetSettings(
        base_url=f"http://127.0.0.1:{port}/fhir",
        host="127.0.0.1",
        port=port,
        data_dir=str(folder / "sekmet"),
        server_auth=ServerAuth(types=["smart"], smart_clients=clients),
        simulator=SimulatorSettings(enabled=False),
        validation=ValidationSettings(inbound="off"),
        log_inbound=False,
    )
    (folder / "sekmet").mkdir()
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield Peer(root=f"http://127.0.0.1:{port}", db=db, seal=seal, clock=clock, folder=folder)
    server.should_exit = True
    thread.join(10)
    db.close()


def _charts(peer: Peer, algorithm: str, client_id: str = "") -> tuple[FhirCharts, str]:
    """Return the charts that filing uses, and a grant whose login is over."""
    entry = {
        "iss": f"{peer.root}/fhir",
        "client_id": client_id or CLIENTS[algorithm],
        "expected_issuer": peer.root,
        "auth": "private_key_jwt",
        "signing_algorithm": algorithm,
        "backend_services": True,
    }
    settings = config.load(environment(peer.folder, CHARTSIDE_EHRS=json.dumps([entry])))
    http = GuardedHttp(is_loopback_dev=True)
    with peer.db.begin() as db:
        clinician = Clinician(iss=entry["iss"], fhir_user=f"Practitioner/{time.time_ns()}", name_sealed=b"")
        db.add(clinician)
        db.flush()
        grant = EhrGrant(
            clinician_id=clinician.id,
            iss=str(entry["iss"]),
            patient_id="carol",
            scope="",
            access_sealed=b"",
            token_endpoint=f"{peer.root}/auth/token",
            expires_at=peer.clock.now() + timedelta(hours=1),
            needs_relaunch=True,
            created_at=peer.clock.now(),
        )
        db.add(grant)
        db.flush()
        grant.access_sealed = seal_access(peer.seal, grant.id, "over")
        grant_id = grant.id
    made: dict[str, Any] = {"db": peer.db, "settings": settings, "clock": peer.clock, "seal": peer.seal, "http": http}
    tokens = FilingTokens(clinicians=TokenKeeper(**made), discovery=Discovery(http=http, clock=peer.clock), **made)
    return real_charts(tokens, peer.clock, http=http), grant_id


@pytest.mark.req("C02", "smart@225", "smart@233", "smart@236", "smart@238", "smart@307", "smart@308", "smart@309")
@pytest.mark.parametrize("algorithm", list(CLIENTS))
def test_a_strangers_server_takes_our_assertion_and_what_we_file(peer: Peer, algorithm: str) -> None:
    """Filed once with its token, read back with it, refused without; the audit trail names the service."""
    charts, grant_id = _charts(peer, algorithm)
    chart = charts.for_grant(grant_id)
    filed = chart.create(note(algorithm))
    assert chart.create(note(algorithm)).id == filed.id
    assert requests.get(f"{peer.root}/fhir/DocumentReference/{filed.id}", timeout=5).status_code == 401
    assert not chart.takes("Media"), "a scope that this client was not given"
    with peer.db.read() as db:
        lines = list(db.scalars(select(AuditLine).where(AuditLine.subject == grant_id)))
    assert [line.action for line in lines] == ["backend_service.used"]


@pytest.mark.req("C02")
def test_a_client_that_the_server_does_not_know_files_nothing(peer: Peer) -> None:
    """The clinician's login is what is missing then."""
    charts, grant_id = _charts(peer, "ES384", client_id="stranger")
    with pytest.raises(ChartNeedsRelaunch):
        charts.for_grant(grant_id).create(note("never"))
