"""The OpenEMR module's own PHP checks: syntax, PSR-12, PHPUnit, licence lines, size."""

import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "plugin" / "openemr"
SOURCES = sorted(path for path in MODULE.rglob("*.php") if "tests" not in path.parts)


def run(*command: str) -> None:
    """Run a PHP tool in the module's folder; skip where it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing (Debian: apt install php-cli php-sqlite3 phpunit php-codesniffer)")
    done = subprocess.run(command, cwd=MODULE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_php() -> None:
    """`php -l` takes every file, also the pages that no test loads."""
    checks = "; ".join(f"php -n -l {path.relative_to(MODULE)}" for path in sorted(MODULE.rglob("*.php")))
    if shutil.which("php") is None:
        pytest.skip("php is missing (Debian: apt install php-cli)")
    done = subprocess.run(["sh", "-ec", checks], cwd=MODULE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_style_is_psr_12() -> None:
    """phpcs finds nothing, warnings included."""
    run("phpcs", "-q")


@pytest.mark.req("S07")
def test_phpunit_passes() -> None:
    """The module's own unit tests pass."""
    run("phpunit")


def test_every_file_names_its_licence() -> None:
    """The module is GPL-3.0-or-later, file by file, with the licence beside it."""
    assert [path.name for path in SOURCES if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text()] == []
    assert "GNU GENERAL PUBLIC LICENSE" in (MODULE / "LICENSE").read_text()


def test_no_text_of_a_request_becomes_sql() -> None:
    """SQL is built of constants: no interpolation but of the module's own table and column names."""
    allowed = {"$where", "$table"}
    for path in SOURCES:
        for line in path.read_text().splitlines():
            if any(word in line for word in ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "DROP ", "REPLACE ")):
                inside = line[line.find('"') :] if '"' in line else ""
                names = {part.split(" ")[0].rstrip('",`;') for part in inside.split("$")[1:]}
                assert {f"${name}" for name in names if name} <= allowed | {"$bound)", "$bound"}, f"{path.name}: {line}"
