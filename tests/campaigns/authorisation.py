"""G13, the long form: the whole authorisation matrix, and each refused request again with every trick of addresses.

`make campaign-authorisation`; `CASES=1000` tries so many tricks at most.
"""

import argparse
import itertools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from tests.conftest import FrozenClock
from tests.trust.figures import write
from tests.web import doors
from tests.web.street import OTHERS, Street, street

Trick = tuple[str, str, str, dict[str, Any]]
"""Its name, the method, the path, more of the request."""
_HEADERS = (
    {"X-Original-URL": "/healthz"},
    {"X-Rewrite-URL": "/healthz"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-User": "Practitioner/dr-alice"},
    {"X-As": "alice"},
    {"Authorization": "Basic YWxpY2U6YWxpY2U="},
    {"X-HTTP-Method-Override": "GET"},
    {"X-Requested-With": "XMLHttpRequest"},
    {"Sec-Fetch-Site": "none"},
    {"Cookie": "chartside=x; chartside-room=x; chartside=y"},
)


def tricks(knock: doors.Knock, street: Street) -> Iterator[Trick]:
    """Return a refused request in other clothes: another method, another spelling of its address, more headers."""
    path, method = knock.path, knock.method
    for other in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {method}:
        yield f"by {other}", other, path, {}
    for name, spelt in (
        ("slash after", path + "/"),
        ("two slashes", "/" + path),
        ("slashes doubled", path.replace("/", "//")),
        ("a dot step", path.replace("/", "/./", 1)),
        ("way up", "/help/.." + path),
        ("public first", "/static/.." + path),
        ("encoded slash", path[0] + path[1:].replace("/", "%2f")),
        ("capitals", path.upper()),
        ("with a type", path + ".json"),
        ("a parameter", path + ";x=1"),
        ("a null byte", path + "%00"),
        ("a blank", path + "%20"),
    ):
        yield name, method, spelt, {}
    session = {"session_id": street.done.id, "session": street.done.id, "person": "alice", "admin": "1"}
    yield "ids in the query", method, path, {"query_string": session}
    for header in _HEADERS:
        yield f"header {next(iter(header))}", method, path, {"headers": header}


def _try(street: Street, knock: doors.Knock, trick: Trick) -> bool:
    """Say whether it told something of the owner's."""
    _, method, path, more = trick
    request = {**knock.request, **more}
    if {"headers"} <= knock.request.keys() & more.keys():
        request["headers"] = {**knock.request["headers"], **more["headers"]}
    answer = street.people[knock.who].open(path, method=method, **request)
    body = answer.get_data()
    answer.close()
    return any(each.encode() in body for each in street.markers if each not in path and each not in str(more))


def run(street: Street, *, most: int) -> tuple[int, list[str]]:
    """Try at most so many tricks, evenly over the matrix; return how many there were and what got through."""
    refused = [each for each in doors.knocks(street) if each.may is False]
    every = [(knock, trick) for knock in refused for trick in tricks(knock, street)]
    step = max(1, -(-len(every) // most))
    ledger, through, count = doors.Ledger(street), [], 0
    for knock, trick in itertools.islice(every, 0, None, step):
        count += 1
        if _try(street, knock, trick) or (ledger.changed() and knock.who in OTHERS):
            through.append(f"{knock.words()}, {trick[0]}")
    ledger.close()
    return count, through


def main() -> int:
    """Run it; 0 when nobody got through."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=int(os.environ.get("CASES", "100000")))
    most, began = parser.parse_args().cases, time.monotonic()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder, street(Path(folder) / "data", FrozenClock()) as block:
        block.site.limiter.enabled = False
        count, through = run(block, most=most)
        found = doors.walk(block)
    for words in (*found.wrong, *found.undecided, *found.shut_out, *through):
        print(words)
    for what, got, cases in (
        ("wrong allows", len(found.wrong), found.asked),
        ("wrong allows by tricks of method, address and header", len(through), count),
    ):
        write(
            "G13",
            what,
            got=got,
            goal=0,
            is_met=got == 0,
            cases=cases,
            campaign="authorisation",
            took_s=round(time.monotonic() - began, 1),
        )
    return 1 if found.wrong or found.undecided or found.shut_out or through else 0


if __name__ == "__main__":
    sys.exit(main())
