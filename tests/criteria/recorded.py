"""The results of a small run of the embedded models, as they would be committed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from harness.criteria import registry
from harness.files import write_json
from harness.judging import Run
from harness.options import RunOptions

MODELS = ("tiny-gpt2", "tiny-llama")
STORIES = ("1.1", "1.2", "1.3", "1.5", "2.1", "2.4", "2.6")
N = 12


def record(
    folder: Path, cache: Path, models: Sequence[str] = MODELS, stories: Iterable[str] = STORIES, n: int = N
) -> Run:
    """Judge stories of the models and leave everything but raw patterns in ``folder``, calibration aside."""
    options = RunOptions(models=tuple(models), n_problems=n, sweep_problems=n, output=folder, cache_dir=cache)
    run = Run(options)
    chosen = [one for one in registry.criteria() if one.story in set(stories) and one.id != "2.4-causal"]
    results = [run.judge(one, scope) for one in chosen for scope in run.scopes(one)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.judging.calibrate", lambda *arguments: None)
        results = run.calibrated(results)
    write_json(folder / "criteria.json", run.complete(results).model_dump(mode="json", by_alias=True))
    for raw in folder.rglob("*_raw.npy"):
        raw.unlink()
    return run
