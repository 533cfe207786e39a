"""The trace of SMART's client requirements: complete, and honest about what failed."""

import re
import tomllib

import pytest

from tests import smart_trace
from tests.rows import ROOT
from tests.smart_trace import Requirement, Traced
from tests.trust.figures import Say

MARK = re.compile(r'"smart@(\d+)"')


def _marked() -> set[str]:
    return {id_ for path in (ROOT / "tests").rglob("test_*.py") for id_ in MARK.findall(path.read_text())}


@pytest.mark.req("G14", "T06")
def test_every_binding_requirement_has_a_test_or_a_reason(figure: Say) -> None:
    """121 of 121; a reason is a sentence, and neither marks nor reasons name what is not there."""
    ids = [each.id for each in smart_trace.requirements()]
    reasons = tomllib.loads(smart_trace.REASONS.read_text())
    assert len(ids) == len(set(ids)) == 121
    without = [id_ for id_ in ids if id_ not in _marked() | reasons.keys()]
    figure(
        "G14",
        "client duties of SMART 2.2 without a test or a reason",
        got=len(without),
        goal=0,
        is_met=not without,
        cases=len(ids),
    )
    assert without == []
    assert set(reasons) <= set(ids)
    assert all(reason.endswith(".") and len(reason) > 40 for reason in reasons.values())
    known = {line.split(",")[0] for line in smart_trace.REQUIREMENTS.read_text().splitlines()[2:]}
    assert _marked() <= known


def _traced(tests: dict[str, str], reason: str = "") -> Traced:
    one = Requirement(id="1", url="https://x", conformance="SHALL", text="Apps SHALL | be good.")
    return Traced(requirement=one, tests=tests, reason=reason)


def test_one_bad_outcome_spoils_the_requirement() -> None:
    """Passed means that every test of it ran and passed."""
    assert _traced({"a": "passed", "b": "passed"}).stands == "passed"
    for bad in ("failed", "not run", "skipped"):
        assert _traced({"a": "passed", "b": bad}).stands == bad
    assert _traced({"a": "failed"}, "It does not apply.").stands == "failed"
    assert _traced({}, "It does not apply.").stands == "n.a."
    assert _traced({}).stands == "missing"


def test_the_page_and_the_lines_say_what_stands() -> None:
    """A line per requirement with id, test or reason, outcome; the total counts only what stands."""
    good, bad = _traced({"tests/x.py::test_a[1]": "passed", "tests/x.py::test_a[2]": "passed"}), _traced({})
    assert good.line == "@1    passed   tests/x.py::test_a"
    assert _traced({}, "It does not apply.").line == "@1    n.a.     n.a.: It does not apply."
    assert smart_trace.summary([good, bad]).startswith("1/2 client requirements")
    assert "Apps SHALL / be good. | passed | `tests/x.py::test_a` |" in smart_trace.page([good])
