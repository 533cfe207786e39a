"""Work done side by side, in threads that never hold up the end of the process: what they leave is owed by a row."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def side_by_side(work: Sequence[Callable[[], Result]], *, at_once: int) -> list[Result]:
    """Do so much of the work at once, a part of it in this thread; return all results in order.

    After a fault nothing more is begun; the first fault is raised once everything that was begun is over.
    """
    todo, done = deque(enumerate(work)), dict[int, Result]()
    faults: list[BaseException] = []

    def go_on() -> None:
        while todo and not faults:
            try:
                index, each = todo.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                done[index] = each()
            except BaseException as fault:  # raised again below, in the thread that asked for the work
                faults.append(fault)

    threads = [
        threading.Thread(target=go_on, name=f"beside-{number}", daemon=True)
        for number in range(1, min(at_once, len(work)))
    ]
    for thread in threads:
        thread.start()
    go_on()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return [done[index] for index in range(len(work))]
