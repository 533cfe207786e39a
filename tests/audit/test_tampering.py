"""G19: whatever is done to the lines of the trail is found; and while it cannot be written nothing is done."""

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Executable, delete, insert, literal, select, update

from smart_app.audit import words
from smart_app.audit.check import check, look_at_end, look_at_lines
from smart_app.errors import AuditUnavailable
from smart_app.store import audit_lines
from smart_app.store.database import Db
from smart_app.store.tables import AuditLine, SiteSetting
from tests.audit.conftest import Trail, append, open_trail
from tests.conftest import KATHMANDU_NOON
from tests.trust.figures import Say

LINES = 12
CASES = 400
FIELDS = ("actor", "action", "subject", "detail", "at", "previous", "hash", "patient_id", "iss", "number")
SMART_APP = Path(__file__).parents[2] / "smart_app"
NEVER_REFUSED = {
    *("recording.stop", "recording.pause", "recording.erase", "consent.withdraw", "consent.withdrawn"),
    *("transcript.erased", "summary.erased", "session.end", "participant.leave", "browser.signed_out"),
    *("fhir-client.revoked", "site.closed", "clock.set", "key.destroyed"),
}
"""Acts that stop, withdraw, erase or take a right away, and what the server only sees: their line follows."""


@pytest.fixture(scope="module")
def long_trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """A dozen lines of different acts."""
    made = open_trail(tmp_path_factory.mktemp("trail"))
    for number in range(LINES):
        made.write(action=("note.read", "consent.agree", "audio.play")[number % 3], subject=f"s{number}")
    yield made
    made.db.close()


class Undone(Exception):
    """Rolls back what a case did."""


def found_after(trail: Trail, changes: Sequence[Executable]) -> list[str]:
    """Return the codes of what is found after these statements, and undo them."""
    codes: list[str] = []
    with suppress(Undone), trail.db.begin() as db:
        for each in changes:
            db.execute(each)
        codes = [one.code for one in (*look_at_lines(db), *look_at_end(db, trail.head))]
        raise Undone
    return codes


def _moved(number: int, to: int) -> Executable:
    return update(AuditLine).where(AuditLine.number == number).values(number=to)


@st.composite
def tampering(draw: st.DrawFn) -> list[Executable]:
    """Draw what somebody with the database does to the lines: drop, edit, change places, add."""
    number = draw(st.integers(1, LINES))
    kind = draw(st.sampled_from(("drop", "drop last", "edit", "swap", "add")))
    if kind == "drop":
        more = draw(st.sets(st.integers(1, LINES), max_size=3)) | {number}
        return [delete(AuditLine).where(AuditLine.number.in_(more))]
    if kind == "drop last":
        return [delete(AuditLine).where(AuditLine.number > draw(st.integers(0, LINES - 1)))]
    if kind == "edit":
        field = draw(st.sampled_from(FIELDS))
        later = KATHMANDU_NOON + timedelta(seconds=1)
        value = {"detail": {}, "at": later, "number": 99}.get(field, "edited")
        return [update(AuditLine).where(AuditLine.number == number).values({field: value})]
    if kind == "swap":
        other = draw(st.integers(1, LINES).filter(lambda each: each != number))
        return [_moved(number, -1), _moved(other, number), _moved(-1, other)]
    names = [each.name for each in AuditLine.__table__.columns if each.name != "number"]
    copied = select(literal(LINES + 1), *(getattr(AuditLine, name) for name in names)).where(AuditLine.number == number)
    return [insert(AuditLine).from_select(["number", *names], copied)]


@pytest.mark.req("T12", "G19", "C10")
def test_every_drop_edit_and_change_of_order_is_found(long_trail: Trail, figure: Say) -> None:
    """Any line, the last too, whatever the field; and an untouched trail gives no alarm."""
    assert found_after(long_trail, []) == []
    cases, detected = 0, 0

    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(changes=tampering())
    def look(changes: list[Executable]) -> None:
        nonlocal cases, detected
        found = found_after(long_trail, changes)
        cases, detected = cases + 1, detected + bool(found)
        assert found, [str(each) for each in changes]

    look()
    share = detected / cases
    figure("G19", "tampering detected", got=share, goal=1.0, is_met=share == 1.0, cases=cases)


def _rewrite(db: Db, *, since: int) -> None:
    """Edit a line and compute every hash after it anew, as somebody who has read this source would."""
    previous = audit_lines.hash_at(db, since - 1) or audit_lines.GENESIS
    rows = db.query(AuditLine).filter(AuditLine.number >= since).order_by(AuditLine.number).all()
    for row in rows:
        row.actor = "Practitioner/bob" if row.number == since else row.actor
        row.previous = previous
        fields = {name: getattr(row, name) for name in ("number", "at", "actor", "action", "subject", "detail")}
        row.hash = previous = audit_lines.line_hash(**fields, previous=row.previous)
    db.flush()


@pytest.mark.req("T12", "G19")
@pytest.mark.parametrize("since", [1, 6, LINES])
def test_a_chain_that_was_computed_anew_is_found_by_its_end(long_trail: Trail, since: int) -> None:
    """Every hash fits again; the end that is kept apart does not."""
    seen: list[list[str]] = []
    with suppress(Undone), long_trail.db.begin() as db:
        _rewrite(db, since=since)
        seen = [[one.code for one in look_at_lines(db)], [one.code for one in look_at_end(db, long_trail.head)]]
        raise Undone
    assert seen == [[], ["cut"]]


@pytest.mark.req("T12", "G19")
def test_lines_added_at_the_end_are_found(trail: Trail) -> None:
    """Somebody who appends a well-formed line without the file of the trail's end; noted for ever at the next act."""
    trail.write(2)
    with trail.db.engine.begin() as connection:
        fields = {"number": 3, "at": KATHMANDU_NOON, "actor": "x", "action": "note.read", "subject": "n", "detail": {}}
        with trail.db.read() as db:
            previous = audit_lines.end(db).hash
        hash_ = audit_lines.line_hash(**fields, previous=previous)  # type: ignore[arg-type]
        connection.execute(AuditLine.__table__.insert(), {**fields, "previous": previous, "hash": hash_})  # type: ignore[attr-defined]
    assert [one.code for one in check(trail.db, trail.head).findings] == ["ahead"]
    trail.write()
    assert [one.code for one in check(trail.db, trail.head).findings] == ["ahead_before"]


@pytest.mark.req("T12", "G19")
def test_a_cut_end_stays_told_when_the_trail_goes_on(trail: Trail) -> None:
    """The next line does not cover up what was taken away: the trail itself says so from then on."""
    trail.write(5)
    with trail.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_line WHERE number > 3")
    assert [one.code for one in check(trail.db, trail.head).findings] == ["cut"]
    trail.write()
    found = check(trail.db, trail.head)
    assert ([one.code for one in found.findings], found.is_whole) == (["cut_before"], True)
    with trail.db.read() as db:
        noted = db.query(AuditLine).filter_by(action=audit_lines.CUT).one()
    assert (noted.detail["expected"], noted.detail["found"]) == ("5", "3")


@pytest.mark.req("T12", "G19")
def test_a_removed_file_of_the_end_is_found(trail: Trail) -> None:
    """Cutting the trail and removing what would tell is told too."""
    trail.write(3)
    trail.head.path.unlink()
    assert [one.code for one in check(trail.db, trail.head).findings] == ["head_missing"]
    trail.write()
    assert [one.code for one in check(trail.db, trail.head).findings] == ["head_was_missing"]


def _head_is_a_folder(trail: Trail) -> None:
    trail.head.path.unlink()
    trail.head.path.mkdir()


def _table_is_gone(trail: Trail) -> None:
    with trail.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_line")


def _act(trail: Trail, kind: str) -> None:
    """Change something in one transaction with its line."""
    with trail.db.begin() as db:
        db.add(SiteSetting(name=kind, value=1, changed_by="x", changed_at=KATHMANDU_NOON))
        append(db, action=kind)


BREAKS = {"no line can be inserted": Trail.break_table, "no table": _table_is_gone, "no file": _head_is_a_folder}


@pytest.mark.req("T12", "G19")
@pytest.mark.parametrize("how", BREAKS)
def test_nothing_is_done_while_the_trail_cannot_be_written(trail: Trail, how: str, figure: Say) -> None:
    """Every kind of act that the source knows is refused, and what it had changed is rolled back."""
    kinds = sorted(_acts()[0])
    trail.write(2)
    BREAKS[how](trail)
    refused = 0
    for kind in kinds:
        with pytest.raises(AuditUnavailable):
            _act(trail, kind)
        refused += 1
    with trail.db.read() as db:
        done = db.query(SiteSetting).count()
    assert done == 0
    share = refused / len(kinds)
    figure("G19", f"acts refused while {how}", got=share, goal=1.0, is_met=share == 1.0, cases=len(kinds))


@pytest.mark.req("T12", "G19")
@pytest.mark.parametrize("how", ["no line can be inserted", "no file"])
def test_what_is_never_refused_runs_and_its_line_follows(trail: Trail, how: str) -> None:
    """Stopping, withdrawal, erasure: done, owed to the trail, and written with its own time once that is possible."""
    trail.write(2)
    BREAKS[how](trail)
    with trail.db.begin() as db:
        db.add(SiteSetting(name="stopped", value=1, changed_by="x", changed_at=KATHMANDU_NOON))
        is_written = audit_lines.append_if_possible(
            db, at=KATHMANDU_NOON, actor="server", action="recording.stop", subject="s1", detail={"cause": "stop"}
        )
    assert not is_written
    with trail.db.read() as db:
        assert db.query(SiteSetting).count() == 1
    assert [each["action"] for each in trail.head.owed()] == ["recording.stop"]
    if how == "no file":
        trail.head.path.rmdir()
    else:
        trail.mend_table()
    with trail.db.begin() as db:
        assert audit_lines.catch_up(db, at=KATHMANDU_NOON) == 1
    with trail.db.read() as db:
        late = db.query(AuditLine).filter_by(action="recording.stop").one()
    assert (late.at, late.detail["cause"], bool(late.detail["late"])) == (KATHMANDU_NOON, "stop", True)
    assert trail.head.owed() == []
    assert check(trail.db, trail.head).is_whole


def _acts() -> tuple[set[str], set[str]]:
    """Return the acts that the source writes with `append`, and those with `append_if_possible`."""
    found: dict[str, set[str]] = {"append": set(), "append_if_possible": set()}
    for path in SMART_APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in found):
                continue
            for word in node.keywords:
                if word.arg == "action":
                    names = [each.value for each in ast.walk(word.value) if isinstance(each, ast.Constant)]
                    found[node.func.attr].update(str(name) for name in names)
    return found["append"], found["append_if_possible"]


@pytest.mark.req("T12")
def test_only_acts_that_protect_somebody_go_on_without_the_trail() -> None:
    """A new act that is not refused must be one of these; everything else fails closed."""
    refused, kept_going = _acts()
    assert len(refused) > 30
    assert kept_going <= NEVER_REFUSED


def test_every_act_stands_on_the_page_in_words() -> None:
    """No code of ours is shown to who reads the trail, and each act is of a kind that can be asked for."""
    acts = {act for each in _acts() for act in each if not act.endswith(("_", "."))}
    assert [act for act in sorted(acts) if ": " in words.said(act)] == []
    assert {act.partition(".")[0] for act in acts} <= set(words.KINDS)


def _writes_a_line(block: list[ast.stmt]) -> bool:
    called = (each.func for inner in block for each in ast.walk(inner) if isinstance(each, ast.Call))
    return any(ast.unparse(each) == "audit_lines.append" for each in called)


def _swallows(block: ast.Try) -> bool:
    """Say whether a handler ends a refusal: by its name, or together with every other error, without raising."""
    ending = [each for each in block.handlers if not any(isinstance(one, ast.Raise) for one in ast.walk(each))]
    caught = " ".join(ast.unparse(each.type) if each.type else "Exception" for each in ending)
    is_broad = bool({"Exception", "ChartsideError", "BaseException"} & set(re.findall(r"\w+", caught)))
    return "AuditUnavailable" in caught or (is_broad and _writes_a_line(block.body))


@pytest.mark.req("T12")
def test_nobody_swallows_the_refusal() -> None:
    """AuditUnavailable ends the request: outside the trail's own module nothing catches it around a line."""
    swallowing = [
        f"{path.name}:{node.lineno}"
        for path in SMART_APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Try) and path.name != "audit_lines.py" and _swallows(node)
    ]
    assert swallowing == []
