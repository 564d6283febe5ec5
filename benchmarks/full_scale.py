"""A whole training set at once: ``python -m benchmarks.full_scale --gsm8k-path DIR``.

The embedded models, or with ``--shape llama-1b`` one of LLaMA-3.2-1B's shape with random weights. The ways take turns, round
after round; reported are medians.

- *stored*: the whole job. Problems in blocks of 1,000, batches by length, attention captured, written to a store on disk with
  a checksum for every batch and a file for every block.
- *in memory*: the same batches, captured and kept.
- *without capture*: the same batches and steps, nothing looked at.
- *naive*: one problem at a time, eager attention with all its weights. On a sample of problems of every length; what all
  would take is extrapolated.
- *bound*: see :mod:`benchmarks.bound`. For a GPU the peaks of an H100 unless given, on the CPU those of a large product of
  matrices and a large copy, measured on the spot.

Parts of the stored job are timed in a run of their own; on a GPU it waits at the end of each part.
"""

import argparse
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bound import H100, Bound, Counts, Machine, bound, measured_machine, settle
from benchmarks.extraction import Timing, naive, plain, take_turns
from benchmarks.parts import Parts, Place, by_kind
from benchmarks.shapes import SHAPES, shaped_model
from harness.extraction import capture
from harness.extraction.batch_size import auto_batch_size
from harness.extraction.capture import LatentRecorder
from harness.extraction.extract import extract_attention
from harness.models.device import resolve_device
from harness.models.load import load_model
from harness.models.thoughts import ThoughtModel, length_batches
from harness.problems import Problem, ProblemSet, load_problems
from harness.storage import checkpoints, costs, store
from harness.storage.blocks import Blocks
from harness.storage.rows import RowFile

PROFILED_BATCHES = 4
PLACES = (
    Place(ThoughtModel, "prompt_ids", "tokenising"),
    Place(ThoughtModel, "encode", "encoding"),
    Place(ThoughtModel, "think", "thinking"),
    Place(ThoughtModel, "end_thinking", "thinking"),
    Place(LatentRecorder, "captured", "rows of attention"),
    Place(capture, "to_host", "copies to the host"),
    Place(RowFile, "create", "claiming the files"),
    Place(RowFile, "write", "writing rows"),
    Place(os, "fsync", "fsync"),
    Place(store, "_digest", "checksums"),
    Place(store.ArrayStore, "_save", "manifest"),
    Place(checkpoints, "write_checkpoint", "files of blocks"),
    Place(costs.Peak, "_now", "watching memory (beside the rest)", beside=True),
)
PHASES = {
    "tokenise": ("tokenising",),
    "encode": ("encoding",),
    "think": ("thinking",),
    "capture to host": ("rows of attention", "copies to the host"),
    "write": ("claiming the files", "writing rows", "fsync", "checksums", "manifest", "files of blocks"),
}
"""The parts of each phase."""


@dataclass(frozen=True)
class Job:
    """A model, its problems and how they are run."""

    model: ThoughtModel
    problems: ProblemSet
    batch_size: int
    stored: np.dtype[Any]
    folder: Path

    @property
    def device(self) -> str:
        """Where the model is."""
        return str(self.model.device)

    @property
    def lengths(self) -> list[int]:
        """Tokens of every prompt."""
        return [len(self.model.prompt_ids(question)) for question in self.problems.questions]

    def batches(self) -> list[list[int]]:
        """Tokens of the prompts of each batch, in the order in which they are run."""
        lengths = self.lengths
        plan = length_batches(lengths, self.batch_size, checkpoints.EVERY)
        return [[lengths[row] for row in rows] for rows in plan]

    def run_stored(self) -> list[costs.Cost]:
        """The whole job in a folder of its own, which is gone afterwards; what each batch cost."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            blocks = Blocks(checkpoints.EVERY, partial(_write_checkpoint, Path(place) / "checkpoints"))
            extract_attention(
                self.model, self.problems, self.batch_size, folder=Path(place), blocks=blocks, stored=self.stored
            )
            return costs.read_costs(Path(place))

    def run_in_memory(self) -> None:
        """The same batches, captured and kept."""
        blocks = Blocks(checkpoints.EVERY, lambda problems, kept: None)
        extract_attention(self.model, self.problems, self.batch_size, blocks=blocks)

    def run_plain(self) -> None:
        """The same batches, nothing captured."""
        plain(self.model, self.problems, self.batch_size, checkpoints.EVERY)
        settle(self.device)

    def some(self, n: int) -> "Job":
        """The same with ``n`` of the problems: sorted by length, those in the middle of as many equal parts."""
        lengths = self.lengths
        order = sorted(range(len(lengths)), key=lambda row: lengths[row])
        n = min(n, len(order))
        return self._with(tuple(self.problems[order[(2 * part + 1) * len(order) // (2 * n)]] for part in range(n)))

    def first(self, n: int) -> "Job":
        """The same with the first ``n`` of the problems."""
        return self._with(self.problems.problems[:n])

    def _with(self, problems: tuple[Problem, ...]) -> "Job":
        return replace(self, problems=replace(self.problems, problems=problems))


def with_padding(batches: Sequence[Sequence[int]]) -> list[list[int]]:
    """The tokens of each prompt when it is as long as the longest of its batch."""
    return [[max(batch)] * len(batch) for batch in batches]


@dataclass(frozen=True)
class Report:
    """What was measured of one job."""

    job: Job
    timing: Timing
    """Of the ways; ``naive`` is of ``sampled`` problems only."""
    sampled: int
    resident: int
    on_device: int
    batches: list[list[int]]
    least: Bound
    least_padded: Bound
    """Where every prompt of a batch is as long as its longest."""
    machine: Machine
    parts: dict[str, float]
    whole: float
    """Seconds of the run in which the parts were timed."""

    def seconds(self, way: str) -> float:
        """Median over rounds, for all problems."""
        return statistics.median(self.timing.seconds[way]) * (self._naive_scale if way == "naive" else 1)

    def against_stored(self, way: str) -> float:
        """How many times as long as the stored job a way takes, the median over rounds."""
        return self.timing.ratio(way, "stored") * (self._naive_scale if way == "naive" else 1)

    @property
    def phases(self) -> dict[str, float]:
        """Seconds of each phase, and of what belongs to none."""
        known = {phase: sum(self.parts.get(part, 0.0) for part in parts) for phase, parts in PHASES.items()}
        return {**known, "rest": self.whole - sum(known.values())}

    @property
    def _naive_scale(self) -> float:
        return len(self.job.problems) / self.sampled


def measure(job: Job, rounds: int, naive_problems: int, machine: Machine) -> Report:
    """Take turns, after one block has run uncounted; then time the parts once."""
    job.first(checkpoints.EVERY).run_stored()
    sample = job.some(naive_problems)
    spent: list[costs.Cost] = []
    timing = take_turns(
        {
            "stored": lambda: spent.extend(job.run_stored()),
            "in memory": job.run_in_memory,
            "without capture": job.run_plain,
            "naive": lambda: naive(sample.model, sample.problems),
        },
        rounds,
    )
    parts = Parts(partial(settle, job.device))
    with parts.watching(PLACES):
        whole = take_turns({"stored": job.run_stored}, 1).seconds["stored"][0]
    batches = job.batches()
    return Report(
        job,
        timing,
        len(sample.problems),
        max(cost.resident for cost in spent),
        max(cost.on_device for cost in spent),
        batches,
        bound(Counts.of(job.model), batches, machine),
        bound(Counts.of(job.model), with_padding(batches), machine),
        machine,
        dict(parts.seconds),
        whole,
    )


def as_markdown(report: Report) -> str:
    """Tables of the ways and of the phases."""
    n, least = len(report.job.problems), report.least
    sampled = f" (extrapolated from {report.sampled})" if report.sampled < n else ""
    rows = [(way + (sampled if way == "naive" else ""), report.seconds(way)) for way in report.timing.seconds]
    against = [report.against_stored(way) for way in report.timing.seconds]
    for name, bounded in (("bound", least), ("bound, padding counted", report.least_padded)):
        rows.append((name, bounded.seconds))
        against.append(bounded.seconds / report.seconds("stored"))
    return "\n".join(
        [
            _described(report),
            "",
            "| way | seconds | problems/s | times as long as stored |",
            "|---|---|---|---|",
            *(
                f"| {name} | {seconds:.2f} | {n / seconds:.0f} | {ratio:.2f} |"
                for (name, seconds), ratio in zip(rows, against, strict=True)
            ),
            "",
            f"The bound: {least.operations / 1e12:.3g} TFLOP and {least.bytes_moved / 1e9:.3g} GB at "
            f"{report.machine.flops / 1e12:.3g} TFLOP/s and {report.machine.bandwidth / 1e9:.3g} GB/s, "
            f"{least.encoding:.2f} s for encoding and {least.thinking:.2f} s for thinking.",
            "",
            *_shares("phase of the stored job", report.phases, report.whole),
        ]
    )


def _described(report: Report) -> str:
    """The model, the problems, the batches and the memory in a sentence or two."""
    job, n = report.job, len(report.job.problems)
    model, tokens = job.model, sum(map(sum, report.batches))
    padded = sum(map(sum, with_padding(report.batches)))
    characters = sum(map(len, job.problems.questions))
    on_device = f", {_size(report.on_device)} of the device" if report.on_device else ""
    return (
        f"{model.name} ({model.n_layers} layers, width {model.width}, {str(model.dtype).removeprefix('torch.')}), "
        f"{n:,} problems of {job.problems.name} with {tokens / n:.0f} tokens each ({tokens / characters:.2f} for a "
        f"character), batch {job.batch_size}, {padded / tokens:.2f} times the tokens with padding; attention kept as "
        f"{job.stored}. Most memory while it was stored: {_size(report.resident)} of the host{on_device}."
    )


def parts_as_markdown(report: Report) -> str:
    """A table of all parts, the largest first, and one of torch's operations by kind, on a few of the batches."""
    some = report.job.some(PROFILED_BATCHES * report.job.batch_size)
    kinds = by_kind(some.run_in_memory, report.job.device)
    ordered = dict(sorted(report.parts.items(), key=lambda one: -one[1]))
    return "\n".join(
        [
            *_shares("part of the stored job", ordered, report.whole),
            "",
            f"| kind of operation ({len(some.problems)} problems in memory) | share |",
            "|---|---|",
            *(f"| {kind} | {share:.1%} |" for kind, share in kinds.items()),
        ]
    )


def _shares(title: str, seconds: dict[str, float], whole: float) -> list[str]:
    rows = [f"| {name} | {took:.3f} | {took / whole:.1%} |" for name, took in seconds.items()]
    return [f"| {title} | seconds | share |", "|---|---|---|", *rows]


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


def _write_checkpoint(folder: Path, problems: range, kept: store.ArrayStore) -> None:
    checkpoints.write_checkpoint(folder, problems, partial(kept.read, "raw"))


def _models(options: argparse.Namespace, dataset: str, device: str) -> Iterator[ThoughtModel]:
    """The models asked for, one after the other."""
    if options.shape is None:
        yield from (load_model(name, device=device, dtype=options.dtype) for name in options.models)
        return
    changed = {name: getattr(options, name) for name in ("layers", "hidden", "vocabulary") if getattr(options, name)}
    shape = replace(SHAPES[options.shape], **changed)
    # The tokenizer is the same for however many problems.
    everything = load_problems(dataset, path=options.gsm8k_path)
    with tempfile.TemporaryDirectory() as folder:
        yield shaped_model(
            Path(folder),
            f"{options.shape} shape, random weights",
            shape,
            everything.questions,
            device,
            getattr(torch, options.dtype),
        )


def _batch_size(options: argparse.Namespace, model: ThoughtModel, problems: ProblemSet, device: str) -> int:
    if options.batch_size != "auto":
        return int(options.batch_size)
    return auto_batch_size(model.files, problems.questions, device, options.dtype, checkpoints.EVERY)


def _machine(options: argparse.Namespace, device: str) -> Machine:
    known = (
        H100[options.dtype] if device.startswith("cuda") else measured_machine(device, getattr(torch, options.dtype))
    )
    return Machine(options.peak_flops or known.flops, options.bandwidth or known.bandwidth)


def _header(arguments: Sequence[str], device: str) -> str:
    """The command, without the folders of this machine, the day, and what it ran on."""
    told = list(arguments)
    for option in ("--gsm8k-path", "--folder"):
        if option in told:
            told[told.index(option) + 1] = "DIR"
    place = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{torch.get_num_threads()} threads"
    command = shlex.join(["python", "-m", "benchmarks.full_scale", *told])
    return f"`{command}` ({datetime.now(UTC):%Y-%m-%d}, {place}, torch {torch.__version__})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print tables for the models asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gsm8k-path", type=Path, help="GSM8K from this folder (default: synthetic problems)")
    parser.add_argument("--n-problems", type=int, help="so many drawn from the training split (default: all of it)")
    parser.add_argument("--models", nargs="+", default=["tiny-gpt2", "tiny-llama"])
    parser.add_argument("--shape", choices=tuple(SHAPES), help="instead of models: random weights of this shape")
    parser.add_argument("--layers", type=int, help="another number of layers for the shape")
    parser.add_argument("--hidden", type=int, help="another width for the shape, a multiple of 64")
    parser.add_argument("--vocabulary", type=int, help="another vocabulary for the shape")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32", choices=tuple(H100))
    parser.add_argument("--batch-size", default="auto", help="a number, or auto")
    parser.add_argument("--stored", default="float16", choices=("float16", "float32"), help="what attention is kept as")
    parser.add_argument(
        "--folder", type=Path, help="where the store is written (default: the folder of temporary files)"
    )
    parser.add_argument("--naive-problems", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak-flops", type=float, help="operations per second of the bound")
    parser.add_argument("--bandwidth", type=float, help="bytes per second of the bound")
    parser.add_argument("--profile", action="store_true", help="also all parts, and torch's operations by kind")
    options = parser.parse_args(arguments)
    device = resolve_device(options.device)
    dataset = "gsm8k" if options.gsm8k_path else "synthetic"
    problems = load_problems(dataset, n=options.n_problems, path=options.gsm8k_path)
    print(_header(sys.argv[1:] if arguments is None else arguments, device))
    machine = _machine(options, device)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for model in _models(options, dataset, device):
            size = _batch_size(options, model, problems, device)
            job = Job(model, problems, size, np.dtype(options.stored), Path(folder))
            report = measure(job, options.rounds, options.naive_problems, machine)
            print(f"\n{as_markdown(report)}", flush=True)
            if options.profile:
                print(f"\n{parts_as_markdown(report)}", flush=True)


if __name__ == "__main__":
    main()
