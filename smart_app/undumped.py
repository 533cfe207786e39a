"""No core files: what a process holds in memory, sound and keys, must not be written to disk when it crashes."""

import contextlib
import ctypes
import resource

_PR_SET_DUMPABLE = 4


def forbid_dumps() -> None:
    """Have this process, and what it starts, leave no core file, whatever the machine is set to."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A handler of core files (systemd-coredump, apport) is not held back by the limit; Linux alone knows this.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
