"""G04, the short form of the campaign `tokens`: no fault of the login server and no kill in a renewal loses a note."""

from pathlib import Path

import pytest

from plugin.sandbox.faults import FAULTS
from plugin.sandbox.process import SandboxProcess
from tests.campaigns import tokens
from tests.trust.figures import Say


@pytest.mark.req("G04", "T05")
def test_a_signed_note_outlives_every_token_fault_rotation_and_kill(
    ehr: SandboxProcess, tmp_path: Path, figure: Say
) -> None:
    """Eleven faults in turn, five renewals by two workers at once, a kill with the answer in hand: each note once."""
    with tokens.clinic(ehr, tmp_path / "data") as clinic:
        clinic.faults(*FAULTS)
        clinic.rotate(5)
        clinic.kill(tokens.ANSWERED)
        found = clinic.outcome
    for what, got, most, cases in tokens.told(found):
        figure("G04", f"{what}, short form", got=got, goal=most, is_met=got <= most, cases=cases)
    assert (found.faults, found.rotations, found.kills, found.hits) == (11, 5, 1, 1)
    assert (found.lost_notes, found.unsaid, found.lost_otherwise) == ([], [], [])
    assert found.lost_to_kills <= found.hits
