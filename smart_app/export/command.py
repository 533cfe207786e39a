"""What `chartside client-export` and `client-erase` ask the app; whose record it is comes on standard input."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smart_app import kit as kits
from smart_app.audit import private_file
from smart_app.config import Settings
from smart_app.errors import BadInput
from smart_app.export import fhir
from smart_app.export.erasure import Eraser
from smart_app.export.service import Records
from smart_app.kit import Kit

_ACTOR = "server"
"""Who works on the machine itself is known to the machine, not to Chartside."""


def of_kit(made: Kit) -> Records:
    """Return the records of a site."""
    return Records(
        db=made.db,
        seal=made.seal,
        settings=made.settings,
        clock=made.clock,
        face=made.face,
        signer=made.signer,
        eraser=Eraser(withdrawals=made.withdrawals, seal=made.seal, clock=made.clock),
    )


def run(settings: Settings, what: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Do `export` (into the folder `to`), `plan`, or `erase` (what `code` confirms). Raises ChartsideError.

    Standard input: `{"patient", "iss", "to", "code"}`, as far as each needs it.
    """
    made = kits.make(settings)
    try:
        return answer(of_kit(made), what, {name: str(value) for name, value in said.items()})
    finally:
        made.db.close()


def answer(records: Records, what: str, said: Mapping[str, str]) -> dict[str, Any]:
    """Answer one command; see `run`."""
    client = records.find(said.get("patient", ""), said.get("iss", ""))
    told = {"patient": client.patient_id, "iss": client.iss}
    if what == "export":
        if not said.get("to"):
            raise BadInput("no_place", "Nothing says where to write to.", "Name a folder with --to.")
        folder = Path(said["to"])
        counts = records.look(client, actor=_ACTOR).counts
        rows = records.as_fhir(client, actor=_ACTOR)
        page = records.as_page(client, actor=_ACTOR).encode()
        files = {"fhir": folder / fhir.file_name(client, "ndjson"), "page": folder / fhir.file_name(client, "html")}
        private_file.write(files["fhir"], rows)
        private_file.write(files["page"], [page])
        return {**told, "held": counts, "rows": len(rows), **{name: str(path) for name, path in files.items()}}
    if what == "plan":
        plan = records.plan(client, actor=_ACTOR)
        return {**told, "goes": plan.goes, "kept": plan.kept, "live": plan.live, "code": plan.code}
    done = records.erase(client, said.get("code", ""), actor=_ACTOR)
    return {**told, **{name: each for name, each in asdict(done).items() if name != "client"}}
