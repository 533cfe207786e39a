"""The clinician's own AI switch in the EHR, where it has one (our OpenEMR module): it and Chartside's must both be on.

Read at the launch, before each Start Recording, and while one runs whenever the recorder renews its grants; an EHR that
has one and does not tell is taken as off: at once before a start, after three questions in a row while recording.
"""

from datetime import datetime, timedelta

from smart_app.consent import stopping
from smart_app.errors import ChartNeedsRelaunch, ChartRefused, ChartUnreachable
from smart_app.ports import Charts, Person
from smart_app.store import audit_lines, consents
from smart_app.store.database import Database, Db

ASKED_EVERY = timedelta(seconds=40)
"""The recorder renews its grants every 20 s, so a switch turned off acts within a minute."""
MOST_UNREAD = 3


def keep(db: Db, clinician_id: str, *, is_on: bool | None, actor: str, at: datetime) -> None:
    """Keep how it stands; turned off it stops what is being recorded, as Chartside's own does."""
    row = consents.clinician(db, clinician_id)
    row.ehr_asked_at, row.ehr_unread = at, 0
    if row.ehr_ai_consent == is_on:
        return
    row.ehr_ai_consent = is_on
    words = {True: "on", False: "off", None: "absent"}[is_on]
    write = audit_lines.append_if_possible if is_on is False else audit_lines.append
    write(db, at=at, actor=actor, action=f"ehr_ai_consent.{words}", subject=clinician_id)
    if is_on is False:
        stopping.stop_all_of(db, clinician_id, actor=actor, at=at)


def look_again(database: Database, charts: Charts, who: Person, *, at: datetime) -> None:
    """Read it once more from an EHR that has one.

    Raises ChartRefused, ChartUnreachable or ChartNeedsRelaunch when the EHR does not tell; then nothing may start.
    """
    if not _has_switch(database, who):
        return
    is_on = charts.ehr_switch(who.ehr_grant_id)
    with database.begin() as db:
        keep(db, who.clinician_id, is_on=is_on, actor=who.fhir_user, at=at)


def watch(database: Database, charts: Charts, who: Person, *, at: datetime) -> None:
    """Read it again while a recording runs, where the last reading is old; never raises for an EHR that is silent."""
    if not _has_switch(database, who):
        return
    with database.begin() as db:
        if not consents.may_ask_ehr(db, who.clinician_id, at=at, last=at - ASKED_EVERY):
            return
    try:
        is_on = charts.ehr_switch(who.ehr_grant_id)
    except (ChartRefused, ChartUnreachable, ChartNeedsRelaunch):
        with database.begin() as db:
            if consents.count_unread(db, who.clinician_id) >= MOST_UNREAD:
                keep(db, who.clinician_id, is_on=False, actor="server", at=at)
        return
    with database.begin() as db:
        keep(db, who.clinician_id, is_on=is_on, actor=who.fhir_user, at=at)


def _has_switch(database: Database, who: Person) -> bool:
    with database.read() as db:
        return consents.clinician(db, who.clinician_id).ehr_ai_consent is not None
