"""Work side by side: results in order, the first fault told, nothing begun after it."""

import threading

import pytest

from smart_app.jobs.side_by_side import side_by_side


def test_results_stand_in_the_order_of_the_work() -> None:
    """Whichever ends first: here the last does, as the first waits for it."""
    last_is_done = threading.Event()

    def first() -> int:
        assert last_is_done.wait(20), "it ran alone"
        return 1

    def last() -> int:
        last_is_done.set()
        return 2

    assert side_by_side([first, last], at_once=2) == [1, 2]


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
def test_all_of_it_is_done_once_and_never_more_at_a_time(at_once: int) -> None:
    """Each piece once, at most so many at a time."""
    lock, at_work, most, done = threading.Lock(), set[int](), [0], list[int]()

    def work(number: int) -> int:
        with lock:
            at_work.add(number)
            most[0] = max(most[0], len(at_work))
        with lock:
            at_work.discard(number)
            done.append(number)
        return number

    assert side_by_side([lambda n=n: work(n) for n in range(7)], at_once=at_once) == list(range(7))  # type: ignore[misc]
    assert sorted(done) == list(range(7))
    assert most[0] <= at_once


def test_after_a_fault_nothing_more_is_begun_and_what_runs_ends_first() -> None:
    """What another thread has at work is not abandoned: it would go on behind the caller's back."""
    failed, ended, begun = threading.Event(), list[str](), list[str]()

    def fails() -> None:
        begun.append("fails")
        failed.set()
        raise OSError("disk")

    def slow() -> None:
        begun.append("slow")
        assert failed.wait(20)
        threading.Event().wait(0.2)  # the fault is on its way to the other thread's end
        ended.append("slow")

    with pytest.raises(OSError, match="disk"):
        side_by_side([slow, fails, *[lambda: begun.append("more")] * 5], at_once=2)
    assert ended == ["slow"]
    assert sorted(begun) == ["fails", "slow"]


def test_no_work_is_no_fault() -> None:
    """A session without runs."""
    assert side_by_side([], at_once=4) == []
