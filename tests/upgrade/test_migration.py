"""Databases of earlier releases come to the newest schema with their data readable, by the code of today.

`data/NNNN.sql` is the dump of a database in which the code of that schema held visits; README.md beside them says how
they are made. One is added with each release, and none is ever changed.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from fhir.resources.R4B import get_fhir_model_class
from sqlalchemy import text

from plugin.cli import make_parser
from smart_app import config
from smart_app import kit as kits
from smart_app.audit import check
from smart_app.export.command import of_kit
from smart_app.export.record import Client
from smart_app.store import client_record, sessions, tables
from smart_app.store.audit_head import AuditHead
from smart_app.store.upgrade import alembic_config
from smart_app.summary_shape import summary_from_json
from tests.conftest import environment

DUMPS = sorted((Path(__file__).parent / "data").glob("*.sql"))


def counted(path: Path) -> dict[str, int]:
    """Return how many rows each table of a database file has."""
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
    connection.close()
    return found


@pytest.fixture(scope="module", params=DUMPS, ids=[path.stem for path in DUMPS])
def moved(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[kits.Kit, dict[str, int], dict[str, int]]]:
    """A site of the old release, opened by today's code; rows of each table before and after."""
    folder = tmp_path_factory.mktemp("old") / "data"
    folder.mkdir()
    path = folder / "chartside.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(request.param.read_text(encoding="utf-8"))
    connection.close()
    before = counted(path)
    kit = kits.make(config.load(environment(folder)))
    yield kit, before, counted(path)
    kit.db.close()


Moved = tuple[kits.Kit, dict[str, int], dict[str, int]]


def clients(kit: kits.Kit) -> list[Client]:
    """Return whose sessions the old site held."""
    with kit.db.read() as db:
        rows = db.query(tables.TelehealthSession).all()
    return [Client(iss=iss, patient_id=id_) for iss, id_ in sorted({(row.iss, row.patient_id) for row in rows})]


def test_each_dump_is_of_the_schema_that_it_is_named_after() -> None:
    """The first schema is among them."""
    said = {path.stem: f"INSERT INTO \"alembic_version\" VALUES('{path.stem}')" for path in DUMPS}
    assert [path.stem for path in DUMPS if said[path.stem] not in path.read_text(encoding="utf-8")] == []
    assert "0001" in said


def test_it_comes_to_the_newest_schema_and_loses_no_row(moved: Moved) -> None:
    """Consents, notes, summaries, receipts and lines of the trail: as many as there were."""
    kit, before, after = moved
    with kit.db.read() as db:
        revision = db.scalar(text("SELECT version_num FROM alembic_version"))
    assert [revision] == ScriptDirectory.from_config(alembic_config()).get_heads()
    assert {name: after[name] for name in before} == before
    assert min(before[name] for name in ("note", "summary", "receipt", "recording_consent", "audit_line")) > 0


def test_what_was_sealed_opens_and_says_what_it_said(moved: Moved) -> None:
    """Names, notes and summaries, by the readers of today."""
    kit, _, _ = moved
    with kit.db.read() as db:
        held = [row for row in db.query(tables.Summary) if row.sealed is not None]
        found = [summary_from_json(kit.seal.open(row.sealed or b"", aad=f"summary:{row.id}")) for row in held]
        names = {sessions.patient_of(kit.seal, row).name for row in db.query(tables.TelehealthSession)}
    assert all(section.title for each in found for section in each.sections)
    assert any(each.statements for one in found for each in one.sections)
    assert len(names) == 1
    assert all(names)


@pytest.mark.req("C10", "C11")
def test_the_whole_record_of_an_old_client_is_handed_out(moved: Moved) -> None:
    """Every kind of resource, each valid, and the note's words on the readable page."""
    kit, before, _ = moved
    records = of_kit(kit)
    (client,) = clients(kit)
    rows = [json.loads(row) for row in records.as_fhir(client, actor="server")]
    for each in rows:
        get_fhir_model_class(each["resourceType"]).model_validate(each)
    counts: Counter[str] = Counter(each["resourceType"] for each in rows)
    with kit.db.read() as db:
        held = client_record.sessions_of(db, iss=client.iss, patient_id=client.patient_id)
    assert "OperationOutcome" not in counts
    assert counts["Encounter"] == len(held) == before["telehealth_session"]
    assert (counts["Consent"], counts["Media"]) == (before["recording_consent"], before["recording"])
    assert (counts["DocumentReference"], counts["Binary"]) == (before["note"], before["receipt"])
    page = records.as_page(client, actor="server")
    assert "Signed" in page
    assert 'class="words"' in page


@pytest.mark.req("B03", "T12")
def test_receipts_and_trail_are_whole(moved: Moved, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Old receipts verify with today's command; the chain of lines is unbroken, and its end is kept from now on."""
    kit, _, _ = moved
    with kit.db.read() as db:
        held: list[dict[str, Any]] = [
            {"id": row.id, "body": json.loads(row.body), "signature": row.signature} for row in db.query(tables.Receipt)
        ]
    file = tmp_path / "receipts.json"
    file.write_text(json.dumps({"receipts": held}))
    asked = make_parser().parse_args(["verify", str(file), "--public-key", kit.signer.public_key, "--json"])
    assert asked.run(asked) == 0, capsys.readouterr().out
    of_kit(kit).look(clients(kit)[0], actor="server")
    found = check.check(kit.db, AuditHead(kit.settings.audit_head_file))
    assert found.is_whole, found.findings
    assert {each.code for each in found.findings} == {"head_was_missing"}
