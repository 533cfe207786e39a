"""Where everything comes from: locked with hashes, listed, and one licence named alike everywhere (T18, M12)."""

import json
import re
import tomllib

import pytest

from tests import supply
from tests.architecture.test_sizes import ROOT

OURS, MODULES = "Apache-2.0", "GPL-3.0-or-later"
"""Chartside's licence, and that of the OpenEMR module, which is a part of OpenEMR when it runs."""


@pytest.mark.req("T18")
def test_everything_that_is_installed_is_locked_with_its_hash() -> None:
    """Each direct dependency is in the lock, and nothing in the lock comes without a hash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    names = {supply.plain(re.split(r"[\[<>=!;~ ]", each)[0]) for each in asked}
    assert names - supply.locked().keys() == set()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", supply.LOCK.read_text())
    assert [each.partition(" ")[0] for each in blocks if "==" in each and "--hash=sha256:" not in each] == []


@pytest.mark.req("T18")
def test_the_lock_waits_before_it_takes_a_new_version() -> None:
    """`make lock` takes nothing younger than a week: a stolen release is mostly found within days."""
    assert "--exclude-newer" in (ROOT / "Makefile").read_text()


@pytest.mark.req("T18", "M12")
def test_one_licence_is_named_everywhere() -> None:
    """The licence file, the package, the manifest, the front end and the documents name one SPDX id."""
    named = {
        "pyproject.toml": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]["text"],
        "manifest.json": json.loads((ROOT / "manifest.json").read_text())["licence"],
        "package.json": json.loads((ROOT / "package.json").read_text())["license"],
    }
    assert set(named.values()) == {OURS}, named
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    for name in ("README.md", "THIRD_PARTY.md"):
        assert OURS in (ROOT / name).read_text(), name
    headers = re.compile(r"SPDX-License-Identifier:\s*(\S+)")
    for path in (each for folder in ("smart_app", "plugin", "fhir_mappings") for each in (ROOT / folder).rglob("*")):
        if path.suffix in {".py", ".mjs", ".css", ".html", ".php"} and "vendor" not in path.parts:
            wanted = MODULES if "openemr" in path.parts else OURS
            assert set(headers.findall(path.read_text(errors="replace"))) <= {wanted}, path


@pytest.mark.req("T18")
def test_a_known_hole_is_said_with_what_mends_it() -> None:
    """pip-audit's report is read as it is."""
    hole = {"id": "PYSEC-1", "fix_versions": ["1.1"]}
    report = {"dependencies": [{"name": "x", "version": "1.0", "vulns": [hole]}, {"name": "y", "version": "2"}]}
    assert supply.holes(report) == ["x 1.0: PYSEC-1 (mended in 1.1)"]
    skipped = {"dependencies": [{"name": "z", "skip_reason": "not found"}]}
    assert (supply.audited(report), supply.audited(skipped)) == (2, 0), "what was skipped is not called clean"


@pytest.mark.req("T18")
def test_a_package_that_the_list_lacks_is_named() -> None:
    """The CycloneDX list is compared with what the lock installs here."""
    assert any(each.startswith("flask ") for each in supply.missing_of({"components": []}))
