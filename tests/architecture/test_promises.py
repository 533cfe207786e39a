"""What the documents promise and the code does are compared, so that neither can drift."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smart_app import create_app
from smart_app.config import Settings
from smart_app.errors import RETIRED
from smart_app.launch import scopes
from smart_app.session import LIVE, State
from smart_app.web.policy import Who
from tests.architecture.test_sizes import ROOT, sources

_TLS_OFF = {"_create_unverified_context", "CERT_NONE", "disable_warnings"}
_QUERIES = {"execute", "query", "scalar", "scalars"}
STATES_MJS = ROOT / "smart_app/web/static/js/states.mjs"


@pytest.mark.req("T04")
def test_every_route_has_a_policy(settings: Settings) -> None:
    """Deny by default: a route that says nothing about who may call it fails here and answers 403 in the field."""
    app = create_app(settings)
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    without = [
        str(rule) for rule in rules if not isinstance(getattr(app.view_functions[rule.endpoint], "policy", None), Who)
    ]
    assert without == []
    assert len(rules) > 40, "the app has its rooms"


@pytest.mark.req("T07")
def test_nothing_changes_by_get(settings: Settings) -> None:
    """A route that takes GET takes nothing else but HEAD and OPTIONS: a link can never change anything."""
    app = create_app(settings)
    mixed = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if rule.methods and "GET" in rule.methods and rule.methods - {"GET", "HEAD", "OPTIONS"}
    ]
    assert mixed == []


@pytest.mark.req("C08")
def test_the_manifest_asks_what_the_launch_asks() -> None:
    """Scope by scope, and each with a reason that the EHR's admin reads."""
    manifest = json.loads((ROOT / "manifest.json").read_text())
    registered = manifest["client"]["scope"].split()
    reasons = {entry["scope"]: entry["reason"] for entry in manifest["scopes"]}
    asked = scopes.plan(scopes.Offer()).split()
    assert sorted(asked) == sorted(registered)
    assert list(reasons) == registered
    assert all(reason.endswith(".") for reason in reasons.values())


def test_the_pages_know_the_states_of_the_machine() -> None:
    """`states.mjs` names exactly `session.State`, with the same spelling, and the same live ones."""
    text = STATES_MJS.read_text()
    frozen = re.search(r"State = Object\.freeze\(\{(.*?)\}\)", text, re.S)
    assert frozen is not None
    assert dict(re.findall(r'(\w+): "(\w+)"', frozen[1])) == {state.name: state.value for state in State}
    live = re.search(r"LIVE = new Set\(\[(.*?)\]\)", text, re.S)
    assert live is not None
    assert {State[name] for name in re.findall(r"State\.(\w+)", live[1])} == LIVE
    union = re.search(r"@typedef \{(.*?)\} StateName", text)
    assert union is not None
    assert set(re.findall(r'"(\w+)"', union[1])) == set(State)


def test_no_other_page_script_spells_a_state() -> None:
    """A misspelt state in a comparison would be silent; the names come from `states.mjs`."""
    # A MediaRecorder has a `state` of its own, with the browser's names.
    spelt = re.compile(rf"""(?<!recorder)(?<!media)\.state\s*[!=]==?\s*["'](?:{"|".join(State)})["']""", re.I)
    modules = [path for path in STATES_MJS.parent.glob("*.mjs") if path != STATES_MJS]
    assert [path.name for path in modules if spelt.search(path.read_text())] == []


def test_every_setting_is_documented() -> None:
    """What the settings read stands in docs/admin.md, and nothing stands there that is not read."""
    code = "".join((ROOT / f"smart_app/{name}.py").read_text() for name in ("config", "processors"))
    read = set(re.findall(r'"(CHARTSIDE_[A-Z_]+?)(?:_FILE)?"', code))
    told = set(re.findall(r"\b(CHARTSIDE_[A-Z_]+?)(?:_FILE)?\b", (ROOT / "docs/admin.md").read_text()))
    assert read - told == set(), "undocumented"
    assert told - read == set(), "documented and not read"


@pytest.mark.req("M05")
def test_tls_is_never_switched_off() -> None:
    """No `verify=False`, no unverified context, no blanket silence about it."""
    off = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in {"verify", "check_hostname"}:
                value = node.value
                off += [f"{path.name}:{value.lineno}"] if isinstance(value, ast.Constant) and not value.value else []
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            off += [f"{path.name}: {name}"] if name in _TLS_OFF else []
    assert off == []


def test_the_rooms_keep_their_import_contracts() -> None:
    """import-linter: packages one way, no room sideways, frameworks at the edge, no knots."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_error_codes_are_words_and_none_is_used_again() -> None:
    """A code is a stable name in snake case; a retired one stays retired."""
    codes = set()
    errors = _errors()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    codes.add(first.value)
    assert len(codes) > 50
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z0-9_]*", code)] == []
    assert codes & RETIRED == set()


@pytest.mark.req("M13")
def test_no_broad_except_goes_without_a_reason() -> None:
    """`except Exception` says on its line why nothing narrower will do; a bare except never stands."""
    silent = []
    for path in sources():
        lines = path.read_text().splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            name = node.type.id if isinstance(node.type, ast.Name) else ""
            is_broad = node.type is None or name in {"Exception", "BaseException"}
            raises_again = any(isinstance(each, ast.Raise) and each.exc is None for each in node.body)
            if is_broad and not raises_again and "#" not in lines[node.lineno - 1]:
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert silent == []


def test_no_query_leaves_the_store() -> None:
    """SQL is asked in `store/` alone: elsewhere no select, no execute on a transaction, no query."""
    asked = []
    for path in sources():
        if "smart_app" not in path.parts or "store" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "db":
                asked += [f"{path.relative_to(ROOT)}:{node.lineno}"] if node.attr in _QUERIES else []
    assert asked == []


def _errors() -> set[str]:
    tree = ast.parse((ROOT / "smart_app/errors.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
