"""Where the time of a run goes: functions are timed while it runs, each without what others of them take within it."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest import mock

import torch
from torch.autograd import DeviceType


@dataclass(frozen=True)
class Place:
    """A function, by its owner and name there, and the part of the run that it is.

    ``beside``: it runs in a thread of its own; counted is the processor's time, which the other parts may wait for.
    """

    owner: Any
    name: str
    part: str
    beside: bool = False


class Parts:
    """Seconds by part."""

    def __init__(self, settle: Callable[[], None]):
        self.seconds: dict[str, float] = defaultdict(float)
        self._settle = settle
        self._within = threading.local()

    @contextmanager
    def watching(self, places: Sequence[Place]) -> Iterator[None]:
        """Within the block every call of the functions counts."""
        with ExitStack() as stack:
            for place in places:
                timed = self._timed(getattr(place.owner, place.name), place)
                stack.enter_context(mock.patch.object(place.owner, place.name, timed))
            yield

    def _timed(self, function: Callable[..., Any], place: Place) -> Callable[..., Any]:
        settle, clock = (_nothing, time.thread_time) if place.beside else (self._settle, time.perf_counter)

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            inner = self._within.__dict__.setdefault("seconds", [])
            settle()
            started = clock()
            inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                settle()
                took = clock() - started
                self.seconds[place.part] += took - inner.pop()
                if inner:
                    inner[-1] += took

        return timed


def by_kind(run: Callable[[], object], device: str) -> dict[str, float]:
    """Share of the time of torch's operations in ``run`` by their kind, and what is left of its seconds as "elsewhere".

    On a GPU it is the device's time; elsewhere is then when it had nothing to do.
    """
    on_device = device.startswith("cuda")
    kinds = [torch.profiler.ProfilerActivity.CPU, *([torch.profiler.ProfilerActivity.CUDA] if on_device else [])]
    started = time.perf_counter()
    with torch.profiler.profile(activities=kinds) as profile:
        run()
        if on_device:
            torch.cuda.synchronize(device)
        whole = time.perf_counter() - started
    found: Counter[str] = Counter()
    for event in profile.key_averages():
        if not on_device:
            found[_kind(event.key)] += event.self_cpu_time_total
        # The operations of the host carry the time of their kernels too, which would count twice.
        elif event.device_type == DeviceType.CUDA and not event.is_user_annotation:
            found[_kind(event.key)] += event.self_device_time_total
    shares = {kind: microseconds / 1e6 / whole for kind, microseconds in found.most_common()}
    return {**shares, "elsewhere (Python, waiting)": 1 - sum(shares.values())}


_KINDS = {
    "attention": ("attention", "softmax", "fmha", "flash"),
    "products of matrices": ("addmm", "aten::mm", "bmm", "gemm", "gemv", "splitk", "cutlass", "nvjet", "linear"),
    "copies": ("copy", "cat", "clone", "memcpy", "contiguous", "index", "gather", "memset"),
}


def _kind(name: str) -> str:
    lower = name.lower()
    return next((kind for kind, words in _KINDS.items() if any(word in lower for word in words)), "everything else")


def _nothing() -> None:
    """Wait for nothing."""
