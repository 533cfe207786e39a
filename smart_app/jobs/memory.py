"""The worker's heap: one for all threads, so that a long day of recognition takes no more memory than its first hour.

And one that is overwritten wherever it is freed: else what a client said lies in it for hours after it was erased.

glibc gives threads heaps of their own, and each of them keeps the largest windows that it ever saw: following fifty
minutes of a session took 913 MB that way (docs/benchmarks.md).
"""

import ctypes
import os
import sys
from collections.abc import Mapping

M_ARENA_MAX = -8
"""mallopt(3), glibc; other C libraries have no such thing and need none."""
_TUNABLES = "GLIBC_TUNABLES"
_WIPES = "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0"
"""What is freed is filled with 255, and what is taken with 0; without the threads' caches, which are not filled."""


def wiping(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a Python process overwrites what it frees, where the C library is glibc.

    Python's own allocator has no such way, so that all is taken from the C library's.
    """
    told = environment.get(_TUNABLES, "")
    tunables = told if _WIPES in told else ":".join(filter(None, (told, _WIPES)))
    return {**environment, "PYTHONMALLOC": "malloc", _TUNABLES: tunables}


def begin_again_wiping() -> None:
    """Have this process overwrite what it frees: as the same program, begun anew, for it is settled at the start."""
    wanted = wiping(os.environ)
    if sys.platform == "linux" and wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606 - ourselves, no shell


def share_one_heap() -> bool:
    """Have all threads that begin from now on share one heap; False where the C library has no say in it."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_ARENA_MAX, 1) == 1
