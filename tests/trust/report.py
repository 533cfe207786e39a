"""`make trust`: each rule with its tests, figures and goals; writes docs/trust-report.md, and testing.md's campaigns.

1 when a rule has no test, a test failed or did not run, or a goal was missed or not tried.
"""

import platform
import sqlite3
import ssl
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from tests import rows as record
from tests.trust import campaigns, figures
from tests.trust.figures import Figure
from tests.trust.standing import Row, gathered, goals, rows

PAGE = record.ROOT / "docs" / "trust-report.md"
CHROMIUM = "/usr/bin/chromium"
SHOWN_FILES = 6
"""Of a row's test files at most this many are named."""


def _cell(text: object) -> str:
    return str(text).replace("|", "/").replace("\n", " ")


def _table(head: tuple[str, ...], lines: Iterable[tuple[object, ...]]) -> str:
    made = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    made += ["| " + " | ".join(_cell(each) for each in line) + " |" for line in lines]
    return "\n".join(made) + "\n"


def _stands(row: Row) -> str:
    return row.stands if row.is_good else f"**{row.stands}**"


def _figure(figure: Figure) -> str:
    cases = f" of {figure.cases:,} cases" if figure.cases is not None else ""
    missed = "" if figure.is_met else f" **(goal {figure.goal})**"
    return f"{figure.what}: {figure.got}{cases}{missed}"


def _source(figure: Figure) -> str:
    if figure.campaign is not None and figure.test is None:
        return f"`make campaign-{figure.campaign}`, {figure.at[:10]}, code {figure.code}"
    return "`make test`"


def _trial_figures(row: Row) -> str:
    return "; ".join(_figure(each) for each in gathered(row.figures)) or "none yet"


def _trial_sources(row: Row) -> str:
    return "; ".join(dict.fromkeys(_source(each) for each in gathered(row.figures))) or "-"


def _tests(row: Row) -> str:
    passed = sum(each == "passed" for each in row.tests.values())
    return f"{passed} of {len(row.tests)} passed" if row.tests else "none"


def versions() -> list[tuple[str, str]]:
    """Return what the tests ran with: code, Python, libraries, browser, and the packages that Chartside is built of."""
    found = [
        ("Code", figures.code_version()),
        ("Python", platform.python_version()),
        ("System", platform.platform(terse=True)),
        ("SQLite", sqlite3.sqlite_version),
        ("OpenSSL", ssl.OPENSSL_VERSION),
    ]
    if Path(CHROMIUM).exists():
        told = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, timeout=30, check=False)
        found.append(("Chromium", told.stdout.removeprefix("Chromium").strip()))
    project = tomllib.loads((record.ROOT / "pyproject.toml").read_text())["project"]
    names = sorted((Requirement(each).name for each in project["dependencies"]), key=str.casefold)
    return found + [(name, metadata.version(name)) for name in names]


def _codes(wanted: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """Say of which versions of the code the outcomes are."""
    count = Counter(outcomes[name].get("code", "not noted") for name in wanted if name in outcomes)
    return ", ".join(f"{code} ({number:,} tests)" for code, number in count.most_common()) or "none"


def _summary(kinds: Mapping[str, list[Row]]) -> str:
    said = {
        "rules": "rules are shown by tests that passed",
        "trials": "trials met their goals",
        "mistakes": "mistakes of other products are tested against",
    }
    lines = [f"- **{sum(row.is_good for row in kinds[kind])} of {len(kinds[kind])}** {said[kind]}." for kind in said]
    bad = [row for kind in kinds.values() for row in kind if not row.is_good]
    if not bad:
        return "\n".join([*lines, "- Nothing is open."]) + "\n"
    lines.append(f"- **Open: {', '.join(row.id for row in bad)}**; each is named below with what is in the way.")
    return "\n".join(lines) + "\n"


def _open(kinds: Mapping[str, list[Row]]) -> str:
    bad = [row for kind in kinds.values() for row in kind if not row.is_good]
    if not bad:
        return "Nothing: every rule has its tests, every trial was run and met its goal.\n"
    return _table(
        ("Id", "What", "In the way", "Reason"),
        [(row.id, _title(row), row.stands, row.words.get("reason", _detail(row))) for row in bad],
    )


def _title(row: Row) -> str:
    return str(row.words.get("threat") or row.words.get("what") or row.words.get("seen"))


def _detail(row: Row) -> str:
    missed = [_figure(each) for each in row.figures if not each.is_met]
    failed = [f"`{name}`" for name, outcome in row.tests.items() if outcome in {"failed", "not run"}]
    shown = [*missed, *failed][:SHOWN_FILES]
    few = f"{row.cases:,} cases, wanted {row.words['least']:,}" if row.stands == "too few cases" else ""
    return "; ".join([*shown, few] if few else shown) or "not tried yet"


def _proofs(kinds: Mapping[str, list[Row]]) -> str:
    lines = []
    for row in (each for kind in kinds.values() for each in kind):
        more = f" and {len(row.files) - SHOWN_FILES} more" if len(row.files) > SHOWN_FILES else ""
        lines.append((row.id, _tests(row), ", ".join(f"`{each}`" for each in row.files[:SHOWN_FILES]) + more or "-"))
    return _table(("Id", "Tests", "Where"), lines)


def _promise(promise: Mapping[str, Any], every: Iterable[Row]) -> tuple[str, str, str]:
    about = [row for row in every if row.id in promise["rows"]]
    bad = ", ".join(f"**{row.id}** {row.stands}" for row in about if not row.is_good)
    return promise["words"], ", ".join(row.id for row in about), bad or "nothing"


def page(asked: Mapping[str, Any], kinds: Mapping[str, list[Row]], ran: str, of_codes: str) -> str:
    """Return the report: first what a security officer wants to know, then the tables behind it."""
    rules, trials, mistakes = kinds["rules"], kinds["trials"], kinds["mistakes"]
    parts = [
        "# Trust report of Chartside\n",
        f"Made by `make trust` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, code {figures.code_version()}.\n"
        f"Tests last run: {ran}, of code {of_codes}. Do not edit: it is written by the runs.\n",
        "## In short\n",
        "Chartside hears a telehealth session when everybody in it agreed, drafts the note, and erases the sound.\n"
        "This page says what it promises about safety and privacy, how each promise was tried, and what came out.\n",
        _summary(kinds),
        _table(
            ("Chartside promises", "Shown by", "Open"),
            [_promise(each, [row for kind in kinds.values() for row in kind]) for each in asked["promises"]],
        ),
        "## What is open\n",
        _open(kinds),
        "## What is not promised\n",
        "\n".join(f"- {each}" for each in asked["not_promised"]["items"]) + "\n",
        "`chartside doctor` looks for the first three on the machine that it runs on; the "
        "[administrator's guide](admin-guide.md) says what to do.\n",
        "## What is promised\n",
        _table(
            ("Id", "Danger", "Promise", "Shown by", "Stands"),
            [
                (r.id, r.words["threat"], r.words["promise"], _shown_by(r, trials), _rule_stands(r, trials))
                for r in rules
            ],
        ),
        "## How it was tried\n",
        "Each trial gives a figure. The goal was set before; it is never changed to fit the figure.\n",
        _table(
            ("Id", "Trial", "Goal", "Figures", "From", "Stands"),
            [
                (r.id, r.words["what"], r.words["goal"], _trial_figures(r), _trial_sources(r), _stands(r))
                for r in trials
            ],
        ),
        "## Mistakes of others\n",
        "Seen in other products, in their public code, issue lists or reviews.\n",
        _table(
            ("Id", "Seen", "Where", "Here", "Stands"),
            [(r.id, r.words["seen"], r.words["source"], r.words["ours"], _stands(r)) for r in mistakes],
        ),
        "## Where the tests are\n",
        _proofs(kinds),
        "## Versions\n",
        _table(("What", "Version"), versions()),
        "## To repeat it\n",
        "`make test` runs every test and the short form of each trial; the long forms and their durations stand in\n"
        "[testing.md](testing.md). `make trust` then writes this page, and fails when anything is open.\n",
    ]
    return "\n".join(parts)


def _shown_by(row: Row, trials: Iterable[Row]) -> str:
    asked = [f"{each.id} ({each.stands})" for each in trials if each.id in row.words["trials"]]
    return ", ".join([f"tests: {_tests(row)}", *asked])


def _rule_stands(row: Row, trials: Iterable[Row]) -> str:
    is_open = any(each.id in row.words["trials"] and not each.is_good for each in trials)
    return f"{_stands(row)}, **trial open**" if is_open else _stands(row)


def main() -> int:
    """Print a line per row and figure, write the report; 1 when anything is open."""
    wanted, outcomes = record.collect()
    asked, kept = goals(), figures.read()
    kinds = {kind: rows(asked[kind], wanted, outcomes, kept) for kind in ("rules", "trials", "mistakes")}
    for row in (each for kind in kinds.values() for each in kind):
        print(f"{row.id}  {row.stands:<14} {_tests(row):<20} {_title(row)}")
        for each in gathered(row.figures):
            print(f"       {_figure(each)}; goal {each.goal}")
    ran = "never"
    if record.OUTCOMES.exists():
        ran = f"{datetime.fromtimestamp(record.OUTCOMES.stat().st_mtime, UTC):%Y-%m-%d %H:%M} UTC"
    PAGE.write_text(page(asked, kinds, ran, _codes(wanted, outcomes)), encoding="utf-8")
    campaigns.write(campaigns.campaigns(kept))
    figures.tidy()
    bad = [row.id for kind in kinds.values() for row in kind if not row.is_good]
    print(f"Open: {' '.join(bad)}" if bad else "Nothing is open.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
