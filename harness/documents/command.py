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


def rerun_command(item: CriterionResult, run: Mapping[str, Any]) -> str:
    """The line that judges this criterion again, alone, into a folder of its own."""
    options = run.get("options") or {}
    models = list(options.get("models") or ())
    if item.model != "run":
        models = item.model.split("_vs_") if "_vs_" in item.model else [item.model]
    output = Path(options.get("output") or "reports")
    # What looks at results looks at these; everything else leaves them alone.
    folder = str(output if item.study == "phase3" else output / "rerun")
    return command(_selection(item, (run.get("own_files") or {}).get(item.id)), models, options, folder)


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
