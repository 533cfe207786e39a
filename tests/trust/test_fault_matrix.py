"""G02 and G03, the short form of the campaign `faults`: some cells of the matrix of steps and faults."""

import random
from pathlib import Path

import pytest

from tests.campaigns import faults
from tests.trust.fault_proxy import FAULTS
from tests.trust.figures import Say

WORST = ("500 after it was stored", "cut", "404")
"""The faults after which one would most easily file a note twice, or never."""


@pytest.mark.req("G02", "G03", "T16")
def test_whatever_fails_on_the_way_each_note_is_in_the_chart_once(tmp_path: Path, figure: Say) -> None:
    """The worst faults at the note itself, and one of all the other cells; the campaign waits for timeouts too."""
    seed = random.SystemRandom().randrange(1, 10**6)
    print(f"seed {seed}")
    with faults.matrix(tmp_path / "data") as made:
        others = [(step, fault) for step in made.steps for fault in FAULTS if fault.kind != "silence"]
        chosen = [("POST DocumentReference 1", fault) for fault in FAULTS if fault.name in WORST]
        for step, fault in (*chosen, *random.Random(seed).sample(others, 1)):
            made.cell(step, fault)
        found = made.outcome
    for row, what, got, goal, cases in faults.told(found):
        figure(row, f"{what}, short form", got=got, goal=goal, is_met=got == goal, cases=cases)
    assert (found.cells, found.stored_cells >= 2) == (4, True)
    assert (found.not_once, found.doubled, found.unsaid) == ([], [], [])


@pytest.mark.req("G02", "G03", "T16")
def test_openemr_gets_each_thing_once_too(tmp_path: Path) -> None:
    """A list of files that cannot be read says 404 like an empty one, and the answer to a message is far too long."""
    faults_of = {fault.name: fault for fault in FAULTS}
    with faults.matrix(tmp_path / "data", "openemr") as made:
        made.cell("GET /api/patient/id/document? 3", faults_of["404"])
        made.cell("GET /api/patient/id/document? 4", faults_of["404"])
        made.cell("POST /api/patient/id/message 1", faults_of["10 MB"])
        assert (made.outcome.not_once, made.outcome.doubled, made.outcome.unsaid) == ([], [], [])


@pytest.mark.req("G02", "T16")
def test_our_own_version_is_never_taken_for_somebody_elses(tmp_path: Path) -> None:
    """The EHR takes the signed note, and then cannot be read, or answers with too much; then something is added."""
    refused, huge = (each for each in FAULTS if each.name in {"403", "10 MB"})
    with faults.matrix(tmp_path / "data") as made:
        made.cell("GET DocumentReference/id 2", refused)
        made.cell("PUT DocumentReference/id 1", huge)
        assert made.outcome.not_once == []
