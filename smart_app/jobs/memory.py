"""The worker's heap: one for all threads, so that a long day of recognition takes no more memory than its first hour.

glibc gives threads heaps of their own, and each of them keeps the largest windows that it ever saw: following fifty
minutes of a session took 913 MB that way (docs/benchmarks.md).
"""

import ctypes
import sys

M_ARENA_MAX = -8
"""mallopt(3), glibc; other C libraries have no such thing and need none."""


def share_one_heap() -> bool:
    """Have all threads that begin from now on share one heap; False where the C library has no say in it."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_ARENA_MAX, 1) == 1
