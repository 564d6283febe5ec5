"""Does memory grow with the number of problems? ``python -m benchmarks.memory --gsm8k-path DIR``.

The checks themselves, each in a process of its own with an empty cache, on the first so many problems of GSM8K's training
split: the extraction of all of them (story 4.2), and phases 1 and 2 on the sample and on all of them. Reported is the most
memory that was resident at any time, as the system counted it.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COUNTS = (100, 1000, 7473)
JOBS = {
    "extraction (story 4.2)": ("--story", "4.2"),
    "phases 1, 2 and 4": ("--study", "phase1", "--study", "phase2", "--full"),
}


@dataclass(frozen=True)
class Spent:
    """What one process took: ``resident`` bytes at most, and ``written`` bytes of attention on all problems."""

    seconds: float
    resident: int
    written: int


def spent(model: str, problems: Path, options: Sequence[str], folder: Path) -> Spent:
    """Run the checks once. Errors: ``RuntimeError`` with their output when they did not come to their end."""
    output = folder / "out"
    command = [sys.executable, "-m", "pytest", "checks/", "--model", model, "--dataset", str(problems), *options]
    command += [
        "--controls",
        "cheap",
        "--gate",
        "validity",
        "--output",
        str(output),
        "--cache-dir",
        str(folder / "cache"),
    ]
    started = time.monotonic()
    with (folder / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[1])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{log.read()}")
    (raw,) = (output / "results" / f"{model}_full").glob("attention_patterns_full_raw.npy")
    return Spent(time.monotonic() - started, usage.ru_maxrss * 1024, raw.stat().st_size)


def first_problems(source: Path, n: int, folder: Path) -> Path:
    """A file with the first ``n`` lines of another."""
    path = folder / f"first_{n}.jsonl"
    with source.open(encoding="utf-8") as lines:
        path.write_text("".join(itertools.islice(lines, n)), encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gsm8k-path", type=Path, required=True, help="folder with train.jsonl")
    parser.add_argument("--models", nargs="+", default=["tiny-gpt2", "tiny-llama"])
    parser.add_argument("--counts", nargs="+", type=int, default=list(COUNTS))
    options = parser.parse_args(arguments)
    print("| model | job | problems | MB of attention | most memory resident, MB | seconds |")
    print("|---|---|---|---|---|---|")
    for model, (job, chosen), n in itertools.product(options.models, JOBS.items(), options.counts):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            found = spent(model, first_problems(options.gsm8k_path / "train.jsonl", n, folder), chosen, folder)
        cells = f"{found.written / 1e6:.1f} | {found.resident / 1e6:.0f} | {found.seconds:.0f}"
        print(f"| {model} | {job} | {n:,} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
