"""Work done side by side on all cores; numpy leaves the interpreter free while it computes."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` of every item, in the order of the items, one thread for each core.

    Matrix products within use one thread each: more would wait for each other.
    """
    items = list(items)
    if len(items) == 1:
        return [work(items[0])]
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))


@cache
def _libraries() -> ThreadpoolController:
    """Those loaded by now; looking for them takes milliseconds."""
    return ThreadpoolController()
