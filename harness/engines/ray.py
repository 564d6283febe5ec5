"""A Ray cluster does the work: a copy of the model for each worker, the same chunks, the same bytes.

Neither Ray nor torch is imported until a chunk has to run.
"""

import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.engines.work import Done, Work
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.engines.replica import Recipe
    from harness.models.thoughts import ThoughtModel

AHEAD = 2
"""Chunks that a worker has at once: the one it does, and the next, so that it need not wait while a result is kept."""
DEATHS = 3
"""Workers that may end over the same thing before it is taken for no accident."""
PLACED_WITHIN = 300.0
"""Seconds in which the cluster has to find room for a first worker."""
ANSWERED_WITHIN = 5.0
"""Seconds in which a cluster has to answer at its address."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How HTTP/2, which a cluster speaks, is begun: with this line and settings, here none."""
_SETTINGS = 4
_SHORT = Path("/tmp")
_HELLO, _BEGIN = "hello", "begin"


class RayEngine:
    """Work done by workers of a Ray cluster; they and their models are kept from run to run until it is closed.

    ``address``: HOST:PORT of a cluster, which goes on running; without it one is started on this machine, and stopped in
    the end. ``workers``: how many; unless said, one for each GPU of the cluster where the model runs on GPUs, else as many
    as it has processors for, each with as many threads as this process uses.
    """

    def __init__(self, address: str | None = None, workers: int | None = None):
        self._address, self._workers = address, workers
        self._connected = False
        self._folder: TemporaryDirectory[str] | None = None
        self._team: list[_Worker] = []
        self._shift: _Shift | None = None
        self._needs: dict[str, float] = {}
        self._most = {"cpu": 0, "cuda": 0}

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """Is Ray installed, and does the cluster answer? Imports and starts nothing.

        Errors: ``HarnessError`` where not.
        """
        _require_installed()
        if self._address is not None:
            _require_answer(self._address)

    def run(
        self, model: "ThoughtModel", work: Work, chunks: Mapping[int, Sequence[int]], lengths: Sequence[int]
    ) -> Iterator[Done]:
        """See :class:`~harness.engines.work.Engine`. A chunk whose worker ends is done by another.

        Errors: what the work raises, as it is, with the worker's traceback as its cause; it is not tried again.
        """
        if not chunks:
            return
        self._connect()
        import ray
        import torch

        from harness.engines.replica import Job, Recipe

        self._end_shift()
        recipe, threads = Recipe.of(model), torch.get_num_threads()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        crew = self._crew(recipe, *places(nodes, recipe.device, threads, self._workers), len(chunks))
        shift = self._shift = _Shift(crew, self._hire, recipe, ray.put(Job(work, lengths, threads)), chunks, lengths)
        try:
            for done in shift.results():
                self._most["cpu"] = max(self._most["cpu"], done.resident)
                self._most["cuda"] = max(self._most["cuda"], done.on_device)
                yield done
        finally:
            if self._shift is shift:
                self._end_shift()

    def peak_memory(self, device: str) -> int:
        """See :class:`~harness.engines.work.Engine`: of any worker while it did a chunk."""
        return self._most["cuda" if device == "cuda" else "cpu"]

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        self._end_team()
        if self._connected:
            import ray

            ray.shutdown()
            self._connected = False
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _end_team(self) -> None:
        for worker in self._team:
            worker.dismiss()
        self._team.clear()

    def _end_shift(self) -> None:
        """End the run that is on; one that was given up may not have been told."""
        if self._shift is not None:
            self._shift.end()
            self._shift = None
            self._team = [worker for worker in self._team if worker.employed]

    def _connect(self) -> None:
        """Connect to the cluster, once; where the process is connected to one, that is used, and left as it is."""
        _require_installed()
        # Ray reads it when it is imported.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray

        if ray.is_initialized():
            return
        if self._address is not None:
            _require_answer(self._address)
        self._connected = True
        try:
            ray.init(**self._cluster(), log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises many types where it cannot connect
            where = f"at {self._address}" if self._address else "that was started on this machine"
            raise HarnessError(
                f"Cannot connect to the Ray cluster {where}: {_last_line(error)}. Only nodes of a cluster can connect to it, "
                "with the same Ray and Python; where `ray start` spoke of a token, set RAY_AUTH_MODE=token."
            ) from error
        # Views of files, such as recorded activations: as plain arrays, workers of a node share them.
        ray.util.register_serializer(np.memmap, serializer=np.asarray, deserializer=np.asarray)

    def _cluster(self) -> dict[str, Any]:
        """What to tell Ray about the cluster: where it is, or how to start one."""
        if self._address is not None:
            return {"address": self._address}
        import torch

        # Its own folder, as Ray leaves behind what it logs; with a short path, as that of a socket must be.
        self._folder = TemporaryDirectory(
            prefix="ray-", dir=_SHORT if _SHORT.is_dir() else None, ignore_cleanup_errors=True
        )
        cpus = None if self._workers is None else max(self._workers * torch.get_num_threads(), os.cpu_count() or 1)
        return {"address": "local", "num_cpus": cpus, "include_dashboard": False, "_temp_dir": self._folder.name}

    def _crew(self, recipe: "Recipe", count: int, needs: dict[str, float], chunks: int) -> "list[_Worker]":
        """Who does a run: at most ``count``, one for each chunk at most, and first who has the model already."""
        if needs != self._needs:
            self._end_team()
            self._needs = needs
        size = min(count, chunks)
        while len(self._team) < size:
            self._hire()
        return sorted(self._team, key=lambda worker: worker.recipe != recipe)[:size]

    def _hire(self) -> "_Worker":
        import ray

        from harness.engines.replica import Replica

        environment = {"env_vars": {"PYTHONPATH": f"{Path(__file__).parents[2]}:${{PYTHONPATH}}"}}
        worker = _Worker(ray.remote(Replica).options(runtime_env=environment, **self._needs).remote())
        worker.ask(_HELLO, worker.actor.hello.remote())
        self._team.append(worker)
        return worker


def places(
    nodes: Sequence[Mapping[str, float]], device: str, threads: int, asked: int | None = None
) -> tuple[int, dict[str, float]]:
    """How many workers of so many ``threads`` a cluster is to have, and what each of them needs of its node.

    ``nodes``: what each node has, by Ray's names. Where no node has a processor for every thread, threads share them.

    Errors: ``HarnessError`` where there is no room for any, or for as many as ``asked``.
    """
    what, wanted = ("GPU", 1) if device == "cuda" else ("CPU", threads)
    most = max((int(node.get(what, 0)) for node in nodes), default=0)
    if not most:
        raise HarnessError(f"The Ray cluster has no {what}, which a model on {device} needs. Use another --device.")
    each = min(wanted, most)
    room = sum(int(node.get(what, 0)) // each for node in nodes)
    if asked is not None and asked > room:
        raise HarnessError(
            f"--ray-workers is {asked}, but the Ray cluster has room for {room} ({what} for each: {each}). Ask for fewer."
        )
    return asked or room, {"num_cpus": 0, "num_gpus": each} if what == "GPU" else {"num_cpus": each}


@dataclass(eq=False)
class _Worker:
    """A worker and what it was asked and has not answered, the oldest first: it answers in that order."""

    actor: Any
    asked: deque[tuple[str | int, Any]] = field(default_factory=deque)
    """Greeting, begin of a run, or chunk; and where the answer will be."""
    recipe: "Recipe | None" = None
    placed: bool = False
    ended_before: int = 0
    """Workers in whose place it is, that ended one after the other before they could do anything."""
    employed: bool = True

    def ask(self, what: str | int, answer: Any) -> None:
        """Note what it was asked."""
        self.asked.append((what, answer))

    @property
    def chunks(self) -> list[int]:
        """Those it was asked for and has not answered."""
        return [what for what, _ in self.asked if isinstance(what, int)]

    def dismiss(self) -> None:
        """End it, whatever it does."""
        import ray

        self.employed = False
        ray.kill(self.actor)


class _Shift:
    """One run: who does which chunk, and what to do when somebody ends."""

    def __init__(
        self,
        crew: list[_Worker],
        hire: Callable[[], _Worker],
        recipe: "Recipe",
        job: Any,
        chunks: Mapping[int, Sequence[int]],
        lengths: Sequence[int],
    ):
        self._crew, self._hire, self._recipe, self._job = crew, hire, recipe, job
        self._chunks, self._lengths = chunks, lengths
        self._todo = deque(chunks)
        self._ready: list[_Worker] = []
        self._deaths: Counter[int] = Counter()

    def results(self) -> Iterator[Done]:
        """Every chunk's, as they come. Errors: see :meth:`RayEngine.run`."""
        import ray
        from ray.exceptions import RayError, RayTaskError, UnserializableException

        from harness.engines.replica import require_same_code

        for worker in self._crew:
            if worker.placed:
                self._begin(worker)
        left = len(self._chunks)
        while left:
            worker = self._next()
            what, answer = worker.asked.popleft()
            try:
                found = ray.get(answer)
            except RayTaskError as error:
                raise error.cause from error
            except UnserializableException:
                raise
            except RayError as error:
                self._replace(worker, what, error)
                self._share_out()
                continue
            if what == _HELLO:
                require_same_code(*found)
                worker.placed = True
                self._begin(worker)
            elif what == _BEGIN:
                self._ready.append(worker)
            self._share_out()
            if isinstance(found, Done):
                left -= 1
                yield found

    def end(self) -> None:
        """Nobody works on this run any more."""
        for worker in self._crew:
            if worker.chunks:
                worker.dismiss()
            elif worker.placed:
                worker.asked.clear()
                worker.actor.end.remote()

    def _next(self) -> _Worker:
        """The next whose oldest question is answered."""
        import ray

        begun = time.monotonic()
        while True:
            first = {worker.asked[0][1]: worker for worker in self._crew if worker.asked}
            # Looked up now and then, so that an interrupt is noticed.
            answered, _ = ray.wait(list(first), timeout=1.0)
            if answered:
                return first[answered[0]]
            if time.monotonic() - begun > PLACED_WITHIN and not any(worker.placed for worker in self._crew):
                raise HarnessError(
                    f"The Ray cluster found no room for a worker within {PLACED_WITHIN:.0f} seconds: others use it. Try "
                    "again when they are done."
                )

    def _share_out(self) -> None:
        """Give those who are ready what they can take, and first to those who have nothing."""
        for most in range(1, AHEAD + 1):
            for worker in self._ready:
                if self._todo and len(worker.chunks) < most:
                    chunk = self._todo.popleft()
                    worker.ask(chunk, worker.actor.run.remote(chunk, self._chunks[chunk]))

    def _begin(self, worker: _Worker) -> None:
        worker.recipe = self._recipe
        worker.ask(_BEGIN, worker.actor.begin.remote(self._recipe, self._job))

    def _replace(self, worker: _Worker, what: str | int, error: Exception) -> None:
        """A worker ended over ``what``: its chunks are the next to be done, and another takes its place."""
        worker.dismiss()
        self._ready = [one for one in self._ready if one is not worker]
        lost = [*([what] if isinstance(what, int) else []), *worker.chunks]
        self._todo.extendleft(reversed(lost))
        if isinstance(what, int):
            self._deaths[what] += 1
            deaths, starts = self._deaths[what], 0
        else:
            deaths = starts = worker.ended_before + 1
        if deaths == DEATHS:
            raise HarnessError(f"{self._over(what)} Ray says of the last of {DEATHS}: {_last_line(error)}") from error
        successor = self._hire()
        successor.ended_before = starts
        self._crew[self._crew.index(worker)] = successor

    def _over(self, what: str | int) -> str:
        """What ended workers, and what to do about it."""
        name = self._recipe.files.name
        if not isinstance(what, int):
            return (
                f"Workers end before they can do anything on {name}. Each node of the Ray cluster needs the harness with its "
                "packages, and memory for a model for each worker there."
            )
        rows = self._chunks[what]
        longest = max(self._lengths[row] for row in rows)
        return (
            f"Whichever worker does chunk {what} ({len(rows)} problems of at most {longest} tokens) of {name} ends. Most often "
            "memory has run out: use fewer --ray-workers or a smaller --batch-size."
        )


def _require_installed() -> None:
    if find_spec("ray") is None:
        raise HarnessError("--engine ray needs Ray, which is not installed: pip install 'codi-harness[ray]'")


def _require_answer(address: str) -> None:
    """Errors: ``HarnessError`` where no Ray cluster answers at HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise HarnessError(f"--ray-address is {address!r}; it takes HOST:PORT, such as 10.0.0.1:6379.")
    try:
        with socket.create_connection((host, int(port)), ANSWERED_WITHIN) as connection:
            connection.sendall(_PREFACE)
            said = connection.recv(4)
    except OSError as error:
        raise _no_cluster(address, str(error)) from error
    if len(said) < 4 or said[3] != _SETTINGS:
        raise _no_cluster(address, "something else listens there")


def _no_cluster(address: str, why: str) -> HarnessError:
    return HarnessError(
        f"No Ray cluster answers at {address}: {why}. Give --ray-address the address that `ray start --head` printed, or "
        "leave it out to start a cluster on this machine."
    )


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shorten(lines[-1], 240) if lines else type(error).__name__
