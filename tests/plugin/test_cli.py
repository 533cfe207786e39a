"""The command line as a whole: exit codes as documented, help with examples, one answer form for scripts."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from plugin import cli, terminal
from plugin.failures import MEANINGS, Exit
from smart_app import config
from tests.plugin.conftest import Run
from tests.plugin.scripted import certificate

GUIDE = Path(__file__).parents[2] / "docs" / "admin-guide.md"
COMMANDS = (
    "check",
    "register",
    "doctor",
    "manifest",
    "keys",
    "fhir-client",
    "verify",
    "uninstall",
    "demo",
    "demo-token",
)


@pytest.mark.req("C08")
def test_every_exit_code_is_documented_with_what_to_do() -> None:
    """The guide's table has one row for each code, in its own words, and help tells the same."""
    rows = dict(re.findall(r"^\| `(\d+)` \| ([^|]+) \|", GUIDE.read_text(), flags=re.MULTILINE))
    assert {int(code): words.strip() for code, words in rows.items()} == {int(code): MEANINGS[code] for code in Exit}
    shown = cli.make_parser().format_help()
    assert all(words in shown for words in MEANINGS.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_answers_in_json(chartside: Run, command: str) -> None:
    """The example begins with the command as it is typed, and the guide names the command."""
    said = chartside(command, "--help")
    assert said.status == 0
    assert f"chartside {command}" in said.out.split("example:")[1]
    assert "--json" in said.out
    assert f"chartside {command}" in GUIDE.read_text() or command.startswith("demo")


@pytest.mark.parametrize("words", [("nonsense",), ("check",), ("register", "https://e"), ("keys", "burn")])
def test_a_wrong_call_is_status_2(chartside: Run, words: tuple[str, ...]) -> None:
    """As argparse has it, and as the table says."""
    assert chartside(*words).status == Exit.USAGE


def test_without_a_command_it_shows_help(chartside: Run) -> None:
    """And says by its status that nothing was done."""
    said = chartside()
    assert said.status == Exit.USAGE
    assert "check" in said.out


def test_ctrl_c_is_130(chartside: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plugin.check.look", interrupt)
    assert chartside("check", "https://ehr.example/fhir").status == Exit.INTERRUPTED


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("not json", 1, "not_json"),
        ('{"manifest_version": 1}', 1, "manifest"),
        ("[]", 1, "manifest"),
        (None, 2, "no_file"),
    ],
)
@pytest.mark.req("C08")
def test_a_manifest_is_validated(chartside: Run, tmp_path: Path, content: str | None, status: int, code: str) -> None:
    """The shipped one is good; another tells the place that is not."""
    assert chartside("manifest", "--validate").status == 0
    assert chartside("manifest", "--validate", "--json").json["name"] == "Chartside"
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_text(content)
    said = chartside("manifest", "--validate", str(path), "--json")
    assert (said.status, said.json["error"]["code"]) == (status, code)


def test_a_demo_that_does_not_run_gives_no_token(chartside: Run, tmp_path: Path) -> None:
    """Status 2, and how to start it."""
    said = chartside("demo-token", "--data-dir", str(tmp_path))
    assert said.status == Exit.USAGE
    assert "chartside demo" in said.err


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_colours_are_for_terminals_only_and_never_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour alone says nothing: the word stands there in each case."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    red = "\x1b[31m"
    for is_plain, stream in ((False, Screen()), (True, Screen()), (True, io.StringIO())):
        monkeypatch.setattr(sys, "stdout", stream)
        if is_plain:
            monkeypatch.setenv("NO_COLOR", "1")
        terminal.table(("", "found"), [("PROBLEM", "It does not work.")])
        assert (red in stream.getvalue()) is not is_plain
        assert "PROBLEM" in stream.getvalue()


def fenced(language: str) -> list[str]:
    """Return the guide's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_guide_s_units_start_what_there_is() -> None:
    """Both name commands of ours, the environment file, and no core dumps."""
    web, worker = fenced("ini")
    assert "ExecStart=/opt/chartside/bin/chartside serve --port 8080" in web
    assert "ExecStart=/opt/chartside/bin/chartside worker" in worker
    for unit in (web, worker):
        assert {"EnvironmentFile=/etc/chartside/chartside.env", "LimitCORE=0", "User=chartside"} <= set(
            unit.splitlines()
        )


def test_the_guide_s_environment_is_one_that_the_settings_take(tmp_path: Path) -> None:
    """Word for word, but for the files."""
    lines = dict(re.findall(r"^(CHARTSIDE_[A-Z_]+)=(.+)$", GUIDE.read_text(), flags=re.MULTILINE))
    key = base64.b64encode(b"k" * 32)
    for name, content in (("master.key", key), ("signing.key", key)):
        (tmp_path / name).write_bytes(content)
    entry = '[{"iss": "https://ehr.example/fhir", "client_id": "x"}]'
    (tmp_path / "ehrs.json").write_text(entry)
    env = {name: value.replace("/etc/chartside", str(tmp_path)) for name, value in lines.items()}
    assert str(config.load(env).data_dir) == "/var/lib/chartside"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_the_guide_s_nginx_site_is_good(tmp_path: Path) -> None:
    """As nginx itself checks it, with a certificate of ours."""
    pem = certificate(tmp_path, name="chartside.your.clinic")
    site = re.sub(r"/etc/letsencrypt/\S+\.pem", str(pem), fenced("nginx")[0])
    site = site.replace("listen 443", "listen 127.0.0.1:18443").replace("listen 80", "listen 127.0.0.1:18080")
    logs = f"pid {tmp_path}/pid; error_log {tmp_path}/error.log;"
    (tmp_path / "nginx.conf").write_text(
        f"{logs} events {{}} http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
        f" fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s; {site} }}"
    )
    done = subprocess.run(
        ["nginx", "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
def test_the_guide_s_caddyfile_is_good(tmp_path: Path) -> None:
    """As Caddy itself checks it."""
    (tmp_path / "Caddyfile").write_text(fenced("caddy")[0])
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    home = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=home)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [["transcribe", "--help"], ["keys", "list"]])
def test_no_code_of_the_folder_one_stands_in_is_run(tmp_path: Path, command: list[str]) -> None:
    """`chartside` typed in a folder with a `smart_app` or a `token.py` of somebody else's runs the installed app."""
    (tmp_path / "smart_app").mkdir()
    for name in ("smart_app/__init__.py", "smart_app/__main__.py", "token.py"):
        (tmp_path / name).write_text("print('somebody else was here')")
    chartside = Path(sys.executable).with_name("chartside")
    done = subprocess.run([chartside, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "somebody else" not in done.stdout + done.stderr
    assert "usage: " in done.stdout or "CHARTSIDE_BASE_URL" in done.stderr, "the app itself answered"
