"""A network namespace with nothing but the loopback: nothing can leave it, and whoever tries is seen.

The kernel makes it for root, and for others where it allows user namespaces; Debian's bubblewrap is the third way.
Debian's strace sees each address that any process inside names, in whatever language it is written.
"""

import contextlib
import fcntl
import ipaddress
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WAYS = (
    ("unshare", "--net", "--mount"),
    ("unshare", "--map-root-user", "--net", "--mount"),
    ("bwrap", "--dev-bind", "/", "/", "--unshare-net"),
)
NO_WAY = "This kernel lets us make no network namespace: " + "; ".join(" ".join(way) for way in WAYS) + "."
STRACE = ("strace", "-f", "--decode-pids=comm", "-s", "0", "-e", "trace=connect,sendto,sendmsg,sendmmsg")
NAME_PORTS = frozenset({53, 853, 5353})
"""Where names are looked up; a resolver on the loopback would pass the question on."""
ON_PURPOSE = "192.0.2.1"
"""RFC 5737: nobody's. Called once, to see that the watch sees it."""
BROWSER = ("Chrome", "ThreadPool", "chromium", "Network", "WebRTC")
"""How a Chromium's threads are called. It asks for its maker's names, and looks at the routes, whatever it shows."""
_GET_FLAGS, _SET_FLAGS, _IS_UP = 0x8913, 0x8914, 0x1
_ADDRESS = re.compile(
    r"^(?P<pid>\d+)(?:<(?P<name>[^>]*)>)? .*?(?P<call>connect|sendto|sendmsg|sendmmsg)\(.*?"
    r'(?:sin6?_port=htons\((?P<port>\d+)\)).*?(?:inet_addr\("(?P<v4>[^"]+)"\)|AF_INET6, "(?P<v6>[^"]+)")'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One address that a process named to the kernel."""

    process: str
    call: str
    host: str
    port: int

    @property
    def is_browsers(self) -> bool:
        """Say whether a Chromium made it."""
        return self.process.startswith(BROWSER)

    @property
    def is_foreign(self) -> bool:
        """Say whether it is another machine's, or a question for a name."""
        address = ipaddress.ip_address(self.host)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        is_here = (mapped or address).is_loopback or address.is_unspecified
        return not is_here or self.port in NAME_PORTS


@cache
def way() -> tuple[str, ...]:
    """Return the command that runs another in such a namespace; empty where the kernel allows none."""
    for each in WAYS:
        if shutil.which(each[0]) is not None:
            done = subprocess.run([*each, "true"], capture_output=True, timeout=30, check=False)
            if done.returncode == 0:
                return each
    return ()


def has_watch() -> bool:
    """Say whether strace is there."""
    return shutil.which(STRACE[0]) is not None


def run(arguments: Sequence[str], *, log: Path | None, timeout_s: float) -> int:
    """Run a Python module in the namespace, every address it names in `log` (None: unwatched); return its status.

    All that it started has ended with it, however it ends. Raises subprocess.TimeoutExpired.
    """
    watch = [*STRACE, "-o", str(log)] if log is not None else []
    command = [*way(), *watch, sys.executable, "-m", *arguments]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait(timeout_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def calls(log: Path) -> Iterator[Call]:
    """Yield every internet address in a log of strace."""
    with log.open(errors="replace") as lines:
        for line in lines:
            found = _ADDRESS.match(line)
            if found is not None:
                host, port = found["v4"] or found["v6"], int(found["port"])
                yield Call(process=found["name"] or found["pid"], call=found["call"], host=host, port=port)


def enter() -> None:
    """Bring the loopback up. Raises RuntimeError where there is any way out."""
    with socket.socket() as probe:
        name = b"lo".ljust(16, b"\0")
        (flags,) = struct.unpack("16xH", fcntl.ioctl(probe, _GET_FLAGS, name + bytes(2) + bytes(22))[:18])
        fcntl.ioctl(probe, _SET_FLAGS, name + struct.pack("H", flags | _IS_UP) + bytes(22))
    with Path("/proc/net/route").open() as routes:
        ways_out = [line.split()[0] for line in routes.readlines()[1:] if not line.startswith("lo")]
    if ways_out:
        raise RuntimeError(f"this namespace is not closed: {ways_out}")


def bytes_out() -> int:
    """Return what was sent by any interface but the loopback, in bytes."""
    sent = 0
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, counts = line.partition(":")
        if name.strip() != "lo":
            sent += int(counts.split()[8])
    return sent


def try_to_leave() -> bool:
    """Call somebody outside on purpose, for the watch to see; say whether that failed as it must."""
    with socket.socket() as outside:
        outside.settimeout(2)
        try:
            outside.connect((ON_PURPOSE, 443))
        except OSError:
            return True
    return False
