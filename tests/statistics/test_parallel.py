"""Work side by side gives what work one after the other gives."""

import threading
import time

import pytest

from harness.statistics import side_by_side


@pytest.mark.parametrize("count", [0, 1, 7])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    def slower_first(item: int) -> int:
        time.sleep(0.002 * (count - item))
        return item**2

    assert side_by_side(slower_first, range(count)) == [item**2 for item in range(count)]


def test_items_are_worked_on_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    both = threading.Barrier(2, timeout=10)
    side_by_side(lambda _: both.wait(), range(2))


def test_a_failure_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda item: 1 // item, [1, 0, 2])
