"""Does a run that is killed end as one that is not? ``python -m benchmarks.kills --gsm8k-path DIR``.

Phases 1, 2 and 4 on GSM8K's training split, once without a break. Then the same command into other folders, with what the
first run measured but without its extraction of all problems: SIGKILL as soon as a random number of further problems is done
(or up to so many tenths of a second later), the same command again, and so on; the last time it runs to its end. Compared are the
SHA-256 of every array, table, manifest and checkpoint, in the results and in the cache.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files import file_digest
from harness.storage.store import chunk_sizes, finished_rows

COMPARED = (".npy", ".csv")
NAMED = ("manifest.json", "checksums.json")
FARTHEST = 700
"""Problems between two kills, at most."""
LATER = 0.4
"""Seconds after a batch is done within which the kill comes."""


@dataclass(frozen=True)
class Place:
    """Where one run writes, and the command that runs it."""

    folder: Path
    options: tuple[str, ...]

    @property
    def cache(self) -> Path:
        """Extractions and measurements."""
        return self.folder / "cache"

    def start(self) -> subprocess.Popen[bytes]:
        """The checks, in a process group of their own."""
        command = [sys.executable, "-m", "pytest", "checks/", *self.options]
        command += ["--output", str(self.folder / "out"), "--cache-dir", str(self.cache)]
        log = (self.folder / "log").open("wb")
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=Path(__file__).parents[1]
        )

    def run(self) -> float:
        """Seconds of a run to its end. Errors: ``RuntimeError`` where it has none."""
        started = time.monotonic()
        if self.start().wait():
            raise RuntimeError((self.folder / "log").read_text(encoding="utf-8"))
        return time.monotonic() - started

    def all_problems(self, n: int) -> Path | None:
        """The extraction of n problems; None where it has not begun."""
        for manifest in list(self.cache.glob("extractions/*/manifest.json")):
            if sum(chunk_sizes(manifest.parent)) == n:
                return manifest.parent
        return None

    def done(self, n: int) -> int:
        """How many of n problems are extracted."""
        folder = self.all_problems(n)
        return 0 if folder is None else finished_rows(folder)

    def digests(self) -> dict[str, str]:
        """Of everything that is to be the same, by its path."""
        files = [path for path in sorted(self.folder.rglob("*")) if path.suffix in COMPARED or path.name in NAMED]
        return {str(path.relative_to(self.folder)): file_digest(path) for path in files}


def kill(place: Place, n: int, rng: random.Random) -> int | None:
    """Start, and kill after some more of n problems; how many are done then, or None where the run came to its end."""
    target = place.done(n) + rng.randint(1, FARTHEST)
    process = place.start()
    while place.done(n) < target and process.poll() is None:
        time.sleep(0.02)
    time.sleep(rng.uniform(0, LATER))
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return place.done(n)


def compared(whole: Place, cut: Place) -> str:
    """How many files both have, or which differ."""
    first, second = whole.digests(), cut.digests()
    different = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    return f"{len(first)} files, all the same" if not different else f"different: {', '.join(different)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print where each kill fell, and whether all files are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gsm8k-path", type=Path, required=True, help="folder with train.jsonl")
    parser.add_argument("--model", default="tiny-llama")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    n = sum(1 for _ in (given.gsm8k_path / "train.jsonl").open(encoding="utf-8"))
    options = ("--model", given.model, "--study", "phase1", "--study", "phase2", "--full", "--controls", "cheap")
    options += ("--gate", "validity", "--dataset", "gsm8k", "--gsm8k-path", str(given.gsm8k_path.resolve()))
    rng, kills = random.Random(given.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = (Place(Path(folder) / name, options) for name in ("whole", "cut"))
        whole.folder.mkdir()
        print(f"without a break: {whole.run():.1f} s", flush=True)
        while kills < given.kills:
            if not cut.folder.exists():
                cut.folder.mkdir()
                shutil.copytree(whole.cache, cut.cache)
                extracted = cut.all_problems(n)
                assert extracted is not None, "nothing was extracted"
                shutil.rmtree(extracted)
            done = kill(cut, n, rng)
            if done is None:
                print("came to its end;", compared(whole, cut), flush=True)
                shutil.rmtree(cut.folder)
            else:
                kills += 1
                print(f"kill {kills}: {done:,} of {n:,} problems were done", flush=True)
        cut.run()
        print(compared(whole, cut))


if __name__ == "__main__":
    main()
