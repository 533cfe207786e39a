"""G01, the short form of the campaign `kills`: workers die anywhere, a visit leaves what an undisturbed one does."""

import random
from pathlib import Path

import pytest

from smart_app.session import State
from tests.conftest import FrozenClock
from tests.crash.trial import Trial, Walk, lost_logins
from tests.fakes.site import whole_site
from tests.trust.figures import Say


@pytest.mark.req("G01", "T17")
@pytest.mark.timeout(300)
def test_workers_killed_anywhere_lose_double_and_block_nothing(tmp_path: Path, figure: Say) -> None:
    """Four kills at random places while it records, four after its end, four after the signature."""
    seed = random.SystemRandom().randrange(1, 10**6)
    print(f"seed {seed}")
    with whole_site(tmp_path / "site", FrozenClock()) as site:
        trial = Trial(site, times=100, seed=seed, most=4)
        trial.hold(Walk.brief)
        is_trail_whole = trial.is_trail_whole()
    found = trial.outcome
    faults = [*found.lost, *found.doubled, *found.stuck]
    what = "things lost, doubled or stuck after kills at random places of a visit, short form"
    figure("G01", what, got=len(faults), goal=0, is_met=not faults, cases=found.kills)
    assert found.kills >= 4
    assert found.by_state[State.RECORDING]
    assert (faults, lost_logins(found), is_trail_whole) == ([], 0, True)
