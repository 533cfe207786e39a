"""What is registered is what is used; what comes back is never carried on; what is typed is never run."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from plugin import manifest
from smart_app import config
from smart_app.config import Settings
from smart_app.errors import ConfigError
from tests.conftest import environment
from tests.launch.conftest import Site

APP = Path(config.__file__).parent
RUNS = {"eval", "exec", "compile", "render_template_string", "from_string"}


@pytest.mark.req("C08", "smart@20", "smart@21", "smart@22", "smart@34")
def test_the_registered_addresses_are_fixed_and_ours(site: Site) -> None:
    """One launch address, one redirect address, one key address, whole and without wildcards; each is a real route."""
    client = manifest.client_metadata(manifest.load(), site.settings.base_url)
    assert client["redirect_uris"] == ["http://127.0.0.1:8080/launch/callback"]
    assert client["initiate_login_uri"] == "http://127.0.0.1:8080/launch"
    rules = {rule.rule for rule in site.app.url_map.iter_rules()}
    assert {"/launch", "/launch/callback", "/.well-known/jwks.json"} <= rules
    answer = site.open(site.browser())
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Flaunch%2Fcallback" in answer.location


@pytest.mark.req("T06", "smart@6")
@pytest.mark.parametrize(
    "name", ["next", "redirect_uri", "url", "return_to", "target_link_uri", "RelayState", "post_logout_redirect_uri"]
)
def test_nothing_that_comes_back_leads_elsewhere(site: Site, name: str) -> None:
    """The callback goes on to our own page, whatever else stands in its address; the values are not passed on."""
    browser = site.browser()
    arguments = site.authorise(site.open(browser))
    answer = site.back(browser, {**arguments, name: "https://evil.example/"})
    assert answer.location in {"/chart", "/launch/limits"}
    refused = site.back(browser, {**arguments, name: "https://evil.example/"})
    assert "evil.example" not in refused.get_data(as_text=True) + repr(refused.headers)


@pytest.mark.req("T08", "smart@5")
def test_no_input_is_ever_run_as_code(site: Site) -> None:
    """No eval, no exec, no template from a string in the app; no eval, no markup from a string in its pages; a CSP."""
    found = []
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            is_pattern = isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") == "re"
            if (name in RUNS and not is_pattern) or name in {"system", "popen"}:
                found.append(f"{path.name}: {name}")
            found += [path.name for word in getattr(node, "keywords", []) if getattr(word, "arg", "") == "shell"]
            imported = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            found += [f"{path.name}: {each}" for each in imported if each in {"pickle", "marshal", "shelve"}]
    pages = [*APP.rglob("static/js/*.mjs"), *APP.rglob("templates/**/*.html")]
    sinks = re.compile(r"\beval\(|new Function\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bsrcdoc\b")
    found += [path.name for path in pages if sinks.search(path.read_text())]
    assert found == []
    policy = site.browser().get("/launch", query_string={"iss": site.ehr.iss, "launch": "x"}).headers
    assert "script-src 'self';" in policy["Content-Security-Policy"]
    assert "unsafe" not in policy["Content-Security-Policy"]


# --- the entry of an EHR --------------------------------------------------------------------------------------------

ENTRY = {"iss": "https://ehr.example/fhir", "client_id": "chartside"}


def _load(folder: Path, **more: Any) -> Settings:
    return config.load(environment(folder, CHARTSIDE_EHRS=json.dumps([{**ENTRY, **more}])))


@pytest.mark.req("smart@11", "smart@12", "smart@298")
def test_an_entry_says_how_the_client_proves_itself(tmp_path: Path) -> None:
    """With a secret basic, without none, unless it says otherwise; RS384 unless it says ES384."""
    assert _load(tmp_path, client_secret="s").ehrs[0].auth == "client_secret_basic"
    assert _load(tmp_path).ehrs[0].auth == "none"
    keyed = _load(tmp_path, auth="private_key_jwt", backend_services=True).ehrs[0]
    assert (keyed.auth, keyed.signing_algorithm, keyed.is_backend_service) == ("private_key_jwt", "RS384", True)
    assert _load(tmp_path, auth="private_key_jwt", signing_algorithm="ES384").ehrs[0].signing_algorithm == "ES384"


@pytest.mark.req("smart@63", "smart@229")
@pytest.mark.parametrize(
    "wrong",
    [
        {"auth": "none", "client_secret": "s"},
        {"auth": "private_key_jwt", "client_secret": "s"},
        {"auth": "client_secret_basic"},
        {"auth": "client_secret_post"},
        {"auth": "client_secret_jwt", "client_secret": "s"},
        {"auth": "private_key_jwt", "signing_algorithm": "HS256"},
        {"backend_services": True},
        {"backend_services": True, "client_secret": "s"},
    ],
)
def test_an_entry_that_contradicts_itself_stops_the_start(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """A public client has no secret, a keyed one neither; a backend service is a keyed one."""
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, **wrong)
    assert refused.value.todo


def test_every_key_of_an_entry_stands_in_the_admins_table() -> None:
    """What config.py reads of an EHR's entry is documented."""
    text = (APP / "config.py").read_text()
    read = set(re.findall(r'entry(?:\.get\(|\[|, )"([a-z_]+)"', text))
    told = set(re.findall(r"`([a-z_]+)`", (APP.parent / "docs" / "admin.md").read_text()))
    assert {"iss", "auth", "signing_algorithm", "backend_services"} <= read
    assert read - told == set()
