"""Threads that come and go do not keep a heap each, and nothing stays in memory that was freed."""

import base64
import os
import secrets
import subprocess
import sys

import pytest

from smart_app.jobs.memory import wiping
from tests.campaigns import scanner

SCRIPT = """
import re, sys, threading
from smart_app.jobs.memory import share_one_heap
if sys.argv[1] == "shared" and not share_one_heap():
    sys.exit(3)
alive = threading.Barrier(9)
def fill():
    kept = [bytes(1000) for _ in range(2000)]
    alive.wait()
    alive.wait()
threads = [threading.Thread(target=fill) for _ in range(8)]
for each in threads:
    each.start()
alive.wait()
# A heap of a thread's own is a map of 64 MiB, reserved and hardly used.
maps = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ---p 00000000 00:00 0 *$", open("/proc/self/maps").read(), re.M)
print(sum(int(high, 16) - int(low, 16) > 40 << 20 for low, high in maps))
alive.wait()
"""


def heaps(how: str) -> int:
    """Return how many heaps eight busy threads make."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 3:
        pytest.skip("this C library has one heap anyway")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heaps")
def test_all_threads_share_one_heap() -> None:
    """Without it each thread has one of its own, and keeps it."""
    assert heaps("shared") < heaps("own")


HEARS = """
import base64, json, sys, threading
from smart_app.jobs.memory import begin_again_wiping
if sys.argv[1] == "wiping":
    begin_again_wiping()
def hear():
    shape = {"lines": [{"text": base64.b64decode(line).decode()} for line in sys.stdin.readline().split()]}
    sound = b"".join(line["text"].encode() for line in shape["lines"]) * 50
    json.loads(json.dumps(shape)), sound.split(b" ")
thread = threading.Thread(target=hear)
thread.start()
thread.join()
print("done", flush=True)
sys.stdin.read()
"""


def left_in_memory(how: str) -> int:
    """Return how many of fifty sentences are found in a process that has heard and forgotten them."""
    said = [secrets.token_hex(40) for _ in range(50)]
    told = b" ".join(base64.b64encode(each.encode()) for each in said) + b"\n"
    with subprocess.Popen(
        [sys.executable, "-c", HEARS, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(told)
        process.stdin.flush()
        assert process.stdout.readline() == b"done\n"
        try:
            found = {
                hit.body
                for hit in scanner.in_memory(
                    process.pid, [scanner.Needle("phrase", each[8:40].encode()) for each in said]
                )
            }
        except PermissionError:
            pytest.skip("this user may not look into a process's memory")
        finally:
            process.stdin.close()
    return len(found)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heap")
@pytest.mark.req("G07", "D03")
def test_what_was_said_is_not_in_memory_any_more_when_it_is_freed() -> None:
    """Without it nearly every sentence is still there."""
    assert left_in_memory("as usual") > 25
    assert left_in_memory("wiping") == 0


def test_what_an_administrator_set_for_the_c_library_stays() -> None:
    """And a process that began so does not begin again."""
    once = wiping({"GLIBC_TUNABLES": "glibc.malloc.check=1", "HOME": "/x"})
    assert once["GLIBC_TUNABLES"].startswith("glibc.malloc.check=1:glibc.malloc.perturb=255")
    assert (once["PYTHONMALLOC"], once["HOME"]) == ("malloc", "/x")
    assert wiping(once) == once
