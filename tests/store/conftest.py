"""A PostgreSQL server of the tests' own, where its programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HOMES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
BUILT_IN_USER = "chartside"


def _as_server(*command: str | Path) -> list[str]:
    """Return the command as it must run: PostgreSQL refuses to be root."""
    words = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *words] if os.getuid() == 0 else words


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the URL of a server on loopback, in a temporary folder, without a password."""
    if not HOMES:
        pytest.skip("PostgreSQL's programs are not installed (Debian: apt install postgresql)")
    if os.getuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("there is no user to run PostgreSQL as")
    bin_, port = HOMES[0], _free_port()
    folder = Path(tempfile.mkdtemp(prefix="chartside-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    initdb = _as_server(bin_ / "initdb", "-D", data, "-U", BUILT_IN_USER, "--auth=trust", "--no-sync", "-E", "UTF8")
    subprocess.run(initdb, check=True, capture_output=True, timeout=120, cwd="/")
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    start = _as_server(bin_ / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", settings, "start")
    stop = _as_server(bin_ / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    try:
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd="/")
        yield f"postgresql+psycopg://{BUILT_IN_USER}@127.0.0.1:{port}"
    finally:
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, timeout=60, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    server: str = request.getfixturevalue("postgres_server")
    name = f"t{os.urandom(6).hex()}"
    port = server.rpartition(":")[2]
    subprocess.run(
        [HOMES[0] / "createdb", "-h", "127.0.0.1", "-p", port, "-U", BUILT_IN_USER, name], check=True, timeout=60
    )
    return f"{server}/{name}"
