"""One running clinic for all tests of this folder, with a fault proxy in front of its EHR."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from plugin.demo.people import Client, Clinician
from plugin.sandbox.process import Visitor, free_port
from tests.fakes.clinic import Clinic, clinic
from tests.fakes.ehr_proxy import FaultProxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The clinic, its proxy and its database."""

    clinic: Clinic
    proxy: FaultProxy

    def clinician(self, patient: str = "maya") -> Clinician:
        """Return Dr Alice, launched from a chart."""
        who = Clinician(self.clinic.site.base_url)
        who.launch(Visitor(self.clinic.site.ehr_url, {}), "dr-alice", patient)
        return who

    def client(self) -> Client:
        """Return an invited browser that is nowhere yet."""
        return Client(self.clinic.site.base_url)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look at, or change, the database: time is passed by moving what a row says of it."""
        path = self.clinic.site.data_dir / "app" / "chartside.sqlite"
        database = sqlite3.connect(path, timeout=20)
        try:
            with database:
                return database.execute(statement, values).fetchall()
        finally:
            database.close()

    def recording(self, patient: str = "maya") -> tuple[Clinician, Client]:
        """Return both sides of a session that records."""
        clinician, client = self.clinician(patient), self.client()
        clinician.switch_on()
        clinician.start_session()
        client.join(clinician.invite(), "Maya Thompson")
        clinician.admit_everyone()
        client.state()
        clinician.post(f"/sessions/{clinician.session_id}/recording/start")
        client.answer(agrees=True)
        return clinician, client

    def audio_files(self) -> set[str]:
        """Return every file of the audio store."""
        folder = self.clinic.site.data_dir / "app" / "audio"
        return {str(path) for path in folder.rglob("*") if path.is_file() and path.name != "browser-key"}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Run it all."""
    behind = free_port()
    with (
        clinic(tmp_path_factory.mktemp("bad-input"), ehr_listens_at=behind) as running,
        FaultProxy(running.site.ehr_port, behind) as proxy,
    ):
        yield Place(clinic=running, proxy=proxy)
