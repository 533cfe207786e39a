"""Threads that come and go do not keep a heap each."""

import subprocess
import sys

import pytest

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
