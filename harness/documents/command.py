"""Command lines that give a run its options again."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.results import CriterionResult

OPTION_FLAGS = {
    "dataset": "--dataset",
    "gsm8k_path": "--gsm8k-path",
    "n_problems": "--n-problems",
    "seed": "--seed",
    "control_model": "--control-model",
    "models_file": "--models",
}
OPTION_FLAGS_UNLESS = {
    "controls": ("--controls", "all"),
    "device": ("--device", "auto"),
    "dtype": ("--dtype", "float32"),
    "sweep_problems": ("--sweep-problems", 1000),
    "batch_size": ("--batch-size", "auto"),
    "store": ("--store", "float32"),
}
NEEDED = {"3.2-wandb": ("--wandb", "offline")}
"""By criterion, the options without which it is not judged."""


def rerun_command(item: CriterionResult, run: Mapping[str, Any], output: Path) -> str:
    """The line that judges this criterion again, alone; ``output`` is the folder of the results it stands in.

    It names a folder inside the current one relative to that, any other as it was given.
    """
    options = run.get("options") or {}
    models = list(options.get("models") or ())
    if item.model != "run":
        models = item.model.split("_vs_") if "_vs_" in item.model else [item.model]
    # What looks at results looks at these; everything else leaves them alone.
    folder = _seen_from_here(output if item.study == "phase3" else output / "rerun")
    selection = [*_selection(item, (run.get("own_files") or {}).get(item.id)), *NEEDED.get(item.id, ())]
    return command(selection, models, options, str(folder))


def command(selection: Sequence[str], models: Sequence[str], options: Mapping[str, Any], output: str) -> str:
    """The line that runs ``selection`` (node ids, or options that select) with ``options``, by their names in a run."""
    words = ["pytest", *selection]
    for model in models:
        words += ["--model", model]
    for key, flag in OPTION_FLAGS.items():
        if options.get(key) is not None:
            words += [flag, str(options[key])]
    for key, (flag, default) in OPTION_FLAGS_UNLESS.items():
        if options.get(key) is not None and options[key] != default:
            words += [flag, str(options[key])]
    for model, path in (options.get("checkpoints") or {}).items():
        words += ["--checkpoint", f"{model}={path}"]
    for place in options.get("ablate_at") or ():
        words += ["--ablate-at", place]
    if options.get("quick"):
        words.append("--quick")
    return shlex.join([*words, "--output", output])


def _seen_from_here(folder: Path) -> Path:
    here, whole = Path.cwd().resolve(), folder.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else folder


def _selection(item: CriterionResult, file: str | None) -> list[str]:
    """The node id in a ``file`` of a user's own, or where the story has its module; otherwise the same by name."""
    name = f"[{item.model}-{item.id}]"
    if file is not None:
        return [f"{file}::test_criterion{name}"]
    checks = Path(__file__).parents[2] / "checks"
    modules = list(checks.glob(f"test_story_{item.story.replace('.', '_').lower()}_*.py"))
    if len(modules) == 1:
        return [f"checks/{modules[0].name}::test_criterion{name}"]
    return ["checks/", "-k", name]
