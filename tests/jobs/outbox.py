"""A worker that files, for the tests of the outbox."""

from smart_app.errors import ChartUnreachable
from smart_app.jobs.filing import Filer
from smart_app.jobs.resources import Models
from smart_app.ports import Charts
from smart_app.store import filings
from tests.jobs.cast import Visit

MODELS = Models(speech_model="tiny.en", drafter="chartside-builtin", prompt_version="1")
DOWN = ChartUnreachable("ehr_unreachable", "The EHR does not answer.", "Try again in a minute.")


def filer_of(visit: Visit, charts: Charts) -> Filer:
    """Return a worker that files."""
    return Filer(
        db=visit.db,
        charts=charts,
        clock=visit.clock,
        seal=visit.seal,
        settings=visit.settings,
        models=lambda: MODELS,
        read_elements=lambda _note: visit.elements,
    )


def due(visit: Visit) -> list[str]:
    """Return what a worker would be woken for now."""
    with visit.db.read() as db:
        return filings.due(db, now=visit.clock.now())


def work(visit: Visit, filer: Filer, *, rounds: int = 12, step_s: float = 2) -> int:
    """Do what the pulse does until nothing is owed at present; return the rounds that had work."""
    for done in range(rounds):
        found = due(visit)
        if not found:
            return done
        for id_ in found:
            filer.run(id_)
        visit.clock.tick(seconds=step_s)
    return rounds


def whole_visit(visit: Visit) -> tuple[str, str, str]:
    """Owe the chart everything of an ordinary visit; return the ids of consent, recording and note."""
    visit.open()
    consent_id, recording_id = visit.answer(), visit.record()
    visit.end()
    visit.summarise()
    return consent_id, recording_id, visit.write_note()
