"""Sixty and more addresses that an attacker may send as `iss`, and a watch over every socket of the process."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"})


@dataclass
class Watch:
    """What the process asked of the network while the watch was on."""

    is_on: bool = False
    thread: int = 0
    seen: list[str] = field(default_factory=list)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note a call; Python calls it for each event of every kind."""
        if self.is_on and event in _EVENTS and threading.get_ident() == self.thread:
            self.seen.append(f"{event} {arguments[1:] if event.startswith('socket.c') else arguments[:2]}")


_WATCH = Watch()
sys.addaudithook(_WATCH.hook)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Watch the sockets and name look-ups of this thread; an audit hook sees them whatever library makes them."""
    _WATCH.seen, _WATCH.thread, _WATCH.is_on = [], threading.get_ident(), True
    try:
        yield _WATCH.seen
    finally:
        _WATCH.is_on = False


def _other_hosts(iss: str) -> list[str]:
    """Return the base at other hosts: this machine by other names, inner networks, and names that look alike."""
    address = "127.0.0.1"
    hosts = ["localhost", "localhost.", "127.1", "127.0.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.0.0.1"]  # noqa: S104 - tried, not bound
    hosts += ["0177.0.0.1", "017700000001", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25lo]"]
    hosts += ["169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal", "10.0.0.1", "192.168.0.1", "172.16.0.1"]
    hosts += [
        "127\u30020\u30020\u30021",
        "127\uff0e0\uff0e0\uff0e1",
        "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
        "127.0.0.1.",
        "127.0.0.1.evil.example",
        "127.0.0.1%00.evil.example",
    ]
    hosts += ["localtest.me", "127.0.0.1.nip.io", "\uff4cocalhost", "xn--lcalhost-54a", "evil.example"]
    return [iss.replace(address, host) for host in hosts]


def forms(iss: str) -> list[str]:
    """Return what an attacker may send in place of the registered base; none of them is that base."""
    parts = urlsplit(iss)
    host = parts.netloc
    found = [
        *_other_hosts(iss),
        "",
        f"{iss}/",
        f"{iss}//",
        f"{iss}/.",
        f"{iss}/../fhir",
        f"{iss}/%2e%2e/fhir",
        f"{iss}%2f",
        f"{iss}?x=1",
        f"{iss}#x",
        f"{iss};x",
        f"{iss}2",
        f"{iss}.evil.example",
        iss.upper(),
        iss.replace("http://", "HTTP://"),
        iss.replace("http://", "https://"),
        iss.replace("http://", "ws://"),
        iss.replace("http://", "http:/"),
        iss.replace("http://", "http:\\\\"),
        iss.replace("http://", "//"),
        iss.replace("http://", "http://user@"),
        iss.replace("http://", "http://user:password@"),
        iss.replace("http://", "http://evil.example@"),
        f"http://evil.example#@{host}/fhir",
        f"http://evil.example?@{host}/fhir",
        f"http://evil.example\\@{host}/fhir",
        f"http://{host}@evil.example/fhir",
        f"http://{host}%40evil.example/fhir",
        f"http://{host}\t@evil.example/fhir",
        f"http://evil.example/?{iss}",
        f"http://evil.example/{iss}",
        iss.replace("/fhir", ""),
        iss.replace("/fhir", "/FHIR"),
        iss.replace("/fhir", ":80/fhir"),
        f" {iss}",
        f"{iss} ",
        f"{iss}\n",
        f"{iss}\r\nHost: evil.example",
        f"{iss}\x00",
        f"\ufeff{iss}",
        f"{iss}\u200b",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:application/json,{}",
        "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1:11211/stat",
        "ftp://127.0.0.1/fhir",
        "ldap://127.0.0.1/x",
        "ehr' OR 1=1 --",
        "*",
        "%",
        "http://" + "a" * 3000 + ".example/fhir",
    ]
    assert len(set(found)) == len(found)
    assert iss not in found
    return found
