"""The journey at every server that a test can start, as one table: `python -m tests.peers.servers` writes it."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from plugin.sandbox.process import free_port
from smart_app import config
from smart_app.store.database import Base, Database
from smart_app.store.sealed import Seal
from tests.conftest import FrozenClock, environment
from tests.face.conftest import face_of, served
from tests.jobs.cast import visit_of
from tests.jobs.test_face_writing import writer_of
from tests.peers.journey import Journey, Server
from tests.peers.medplum_router.process import MedplumRouter
from tests.peers.openemr_like.process import OpenEmrLike
from tests.peers.sekmet import Sekmet

PAGE = Path(__file__).parents[2] / "docs" / "servers.md"
STOCK, FACE = "OpenEMR, stock", "Chartside's own face"
Results = dict[str, dict[str, str]]
"""Server to operation to result."""

HEAD = """\
# What servers take

Written by `make servers`, which walks one whole visit (two sessions, one withdrawn) at each server with the real
worker, and reads everything back with two independent clients, fhirpy and fhirclient. Not edited by hand: a test
compares.

- **sekmet-fhir 0.1.1** (PyPI) and **Medplum's router 5.2.13** (npm) are FHIR R4 servers that others wrote.
- **OpenEMR, stock** and **OpenEMR with our module** stand for OpenEMR 8.2: a copy of its measured answers that the
  tests run, not OpenEMR itself. Its consent receipts and notes are documents, so a search for notes finds both.
- *kept in Chartside*: the EHR does not take it. It is safe in Chartside, shown there with the reason, and read by FHIR
  clients from [Chartside's own FHIR face](fhir-clients.md).
- **Chartside's own face** is looked at beside stock OpenEMR, the poorest of them: it shows the same whatever the EHR
  takes, as soon as it happens. It holds no Questionnaire and no AuditEvent.

"""


@contextmanager
def servers() -> Iterator[list[Server]]:
    """Start every server."""
    with ExitStack() as stack:
        sekmet, router = stack.enter_context(Sekmet()), stack.enter_context(MedplumRouter())
        stock, module = stack.enter_context(OpenEmrLike()), stack.enter_context(OpenEmrLike(has_module=True))
        yield [
            Server(name="sekmet-fhir 0.1.1", base=sekmet.base_url),
            Server(name="Medplum router 5.2.13", base=router.base_url),
            openemr(stock, STOCK),
            openemr(module, "OpenEMR with our module"),
        ]


def openemr(ehr: OpenEmrLike, name: str) -> Server:
    """Return the poor server with Maya's chart opened by a launch."""
    token = ehr.token_of()
    return Server(
        name=name,
        base=ehr.fhir_url,
        patient=ehr.patient()["uuid"],
        encounter=ehr.encounter()["uuid"],
        token=token["access_token"],
        scope=token["scope"],
    )


def walk(server: Server, folder: Path) -> Results:
    """Walk the journey at a server, with a site of its own; beside the poorest server look at our own face too."""
    settings = config.load(environment(folder))
    settings = replace(settings, ehrs=(replace(settings.ehrs[0], iss=server.base),))
    if server.name == STOCK:
        settings = replace(settings, base_url=f"http://127.0.0.1:{free_port()}")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database_url)
    Base.metadata.create_all(db.engine)
    try:
        visit = visit_of(db, FrozenClock(), Seal(settings.master_key), settings)
        writer_of(visit).follow(db)
        journey = Journey(server, visit)
        found = {server.name: journey.run()}
        if server.name == STOCK:
            ours = face_of(visit)
            with served(ours.app, settings.base_url) as base:
                seen = Journey(replace(server, base=base, token=ours.token()), visit).read()
            found[FACE] = {**journey.shown, **seen}
        return found
    finally:
        db.close()


def walk_everywhere(folder: Path) -> Results:
    """Walk at every server."""
    results: Results = {}
    with servers() as started:
        for number, server in enumerate(started):
            results |= walk(server, folder / str(number))
    return {**{name: found for name, found in results.items() if name != FACE}, FACE: results[FACE]}


def page(results: Results) -> str:
    """Return docs/servers.md."""
    names = list(results)
    operations = list(next(iter(results.values())))
    lines = [f"| step | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [
        f"| {operation} | {' | '.join(results[name].get(operation, '-') for name in names)} |"
        for operation in operations
    ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Walk everywhere, print the table, write the page."""
    with tempfile.TemporaryDirectory() as folder:
        results = walk_everywhere(Path(folder))
    table = Table("step", *results)
    for operation in next(iter(results.values())):
        table.add_row(operation, *(each.get(operation, "-") for each in results.values()))
    Console().print(table)
    PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
