"""The command line: one group of options, and what they say in the harness' own terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from harness.declared.find import declaring_files
from harness.errors import HarnessError
from harness.plugin.gate import GateName

if TYPE_CHECKING:
    from harness.criteria.criterion import Criterion
    from harness.options import RunOptions

DEFAULT_MODEL = "tiny-llama"
DEFAULT_PROBLEMS = 100
DEFAULT_SWEEP = 1000
DEFAULT_SEED = 42
DEFAULT_OUTPUT = "reports"
QUICK_PROBLEMS = 10
LARGE = "phase4"
"""The study that is judged only where it is asked for: it runs every problem of the training split."""
CHECKS_FOLDER = "checks"

_ONLY_INFORMING = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add every option of the harness to one group."""
    group = parser.getgroup("codi-harness", "codi-harness: criteria on continuous thoughts (pytest checks/)")
    add = group.addoption
    add(
        "--model",
        action="append",
        metavar="NAME",
        help=f"A registered model to judge; give it again for a second one (default: {DEFAULT_MODEL}).",
    )
    add(
        "--checkpoint",
        action="append",
        metavar="NAME=PATH",
        default=[],
        help="Where a model's checkpoint is: a folder, a file or a hub id (default: what the registry says).",
    )
    add(
        "--models",
        dest="models_file",
        metavar="FILE",
        help="A TOML file with models of your own, on top of the built-in registry.",
    )
    add(
        "--dataset",
        metavar="NAME",
        help="gsm8k, synthetic, or a .json or .jsonl file (default: the one the model is studied on).",
    )
    add(
        "--gsm8k-path",
        metavar="DIR",
        help="Folder with train.jsonl and test.jsonl of GSM8K; without it the hub is asked.",
    )
    add("--n-problems", type=int, metavar="N", help=f"Size of the sample (default: {DEFAULT_PROBLEMS}).")
    add(
        "--sweep-problems",
        type=int,
        metavar="N",
        help=f"Problems on which every set of thoughts is ablated (default: {DEFAULT_SWEEP}).",
    )
    add(
        "--ablate-at",
        action="append",
        choices=("early", "late", "all"),
        default=[],
        help="Ablate single thoughts at the early or late layer or at all layers too, beside the middle layer; repeatable.",
    )
    add("--seed", type=int, metavar="N", help=f"Seed of the sample and of every resampling (default: {DEFAULT_SEED}).")
    add(
        "--study",
        action="append",
        metavar="NAME",
        default=[],
        help=f"Judge only this study, such as phase1; repeatable (default: all but {LARGE}).",
    )
    add("--full", action="store_true", help=f"Judge {LARGE} too: the complete training set, after the other studies.")
    add(
        "--stop-unless-passed",
        action="store_true",
        help=f"With {LARGE}: leave it out for every model of which phase 1 or phase 2 does not pass in the same run.",
    )
    add(
        "--story",
        action="append",
        metavar="ID",
        default=[],
        help="Judge only this story, such as 1.2; repeatable (default: all).",
    )
    add(
        "--batch-size",
        default="auto",
        metavar="N",
        help="Problems per forward pass, or auto (default: auto), which is 64, and on a GPU as many of 64 to 1024 as its "
        "memory holds of the longest problem. Out of memory halves one batch only.",
    )
    add("--device", default="auto", help="auto, cpu, cuda or another torch device (default: auto).")
    add(
        "--dtype",
        default="float32",
        choices=("float32", "bfloat16", "float16"),
        help="Precision of the model (default: float32).",
    )
    add(
        "--store",
        default="float32",
        choices=("float32", "float16"),
        help="What attention on the complete training set is kept in; float16 takes half the disk, and 4.2-shape says how far "
        "a weight is off (default: float32).",
    )
    add(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="Who runs the models: this process, or the workers of a Ray cluster, with the same results (default: local).",
    )
    add(
        "--ray-address",
        metavar="HOST:PORT",
        help="A Ray cluster that is running (default: one is started on this machine, and stopped in the end).",
    )
    add(
        "--ray-workers",
        "--workers",
        dest="ray_workers",
        type=int,
        metavar="N",
        help="Workers of the Ray cluster, with a copy of the model each (default: one for each of its GPUs; on CPUs, as "
        "many as it has processors for).",
    )
    add(
        "--wandb",
        choices=("off", "offline", "online"),
        default="off",
        help="Log the run with Weights & Biases: offline into the output folder, or online to your account too (default: off).",
    )
    add(
        "--output",
        metavar="DIR",
        help=f"Everything written goes here (default: {DEFAULT_OUTPUT}; with --from-results DIR: DIR-from-results).",
    )
    add(
        "--from-results",
        metavar="DIR",
        help="Judge again from the output folder of an earlier run, without a model: with its options, every criterion that what "
        "it kept allows. The others are skipped, for they need the model.",
    )
    add("--cache-dir", metavar="DIR", help="Where extractions are kept (default: the user's cache folder).")
    add("--refresh", action="store_true", help="Extract anew even where the cache has the answer.")
    add(
        "--controls",
        choices=("all", "cheap", "none"),
        help="Controls each criterion is also judged on: all, cheap (none that needs another extraction) "
        "or none (default: all; with --quick: cheap).",
    )
    add(
        "--control-model",
        metavar="NAME",
        help="A matched control model; its values stand beside the model's own.",
    )
    add(
        "--gate",
        choices=get_args(GateName),
        default="all",
        help="What makes the run fail. all: any verdict fail or invalid. validity: only a failing validity "
        "criterion. baseline: any verdict that differs from the approved one (default: all).",
    )
    add(
        "--baselines",
        metavar="DIR",
        help="Folder of the approved verdicts (default: baselines/ beside the pytest configuration).",
    )
    add(
        "--approve",
        action="store_true",
        help="Approve this run's verdicts: write them to the baselines folder and exit 0. "
        "Writes nothing and exits 1 while a validity criterion fails.",
    )
    add(
        "--quick",
        "--test_mode",
        dest="quick",
        action="store_true",
        help=f"A fast look: {QUICK_PROBLEMS} problems and cheap controls, unless those are given.",
    )


@dataclass(frozen=True)
class GateOptions:
    """How verdicts become outcomes, and where the approved ones are."""

    gate: GateName
    baselines: Path
    approve: bool

    @property
    def of_items(self) -> GateName:
        """The gate of single checks: what is being approved cannot fail for differing from what was approved."""
        return "validity" if self.approve else self.gate


def places(config: pytest.Config) -> list[Path]:
    """The files and folders this invocation names, or stands for."""
    return [_from_invocation(config, argument.partition("::")[0]).resolve() for argument in config.args]


def checks_are_asked_for(config: pytest.Config) -> bool:
    """Whether this invocation collects the checks or a user's own, as opposed to other tests of the same repository."""
    if any(getattr(config.option, name, False) for name in _ONLY_INFORMING):
        return False
    return checks_are_named(config) or bool(own_files(config))


def checks_are_named(config: pytest.Config) -> bool:
    """Whether the checks are among what this invocation names."""
    checks = config.rootpath / CHECKS_FOLDER
    return any(place.is_relative_to(checks) or checks.is_relative_to(place) for place in places(config))


def own_files(config: pytest.Config) -> tuple[Path, ...]:
    """The files with criteria of a user's own among what this invocation names."""
    return declaring_files(places(config), config.getini("python_files"), config.getini("norecursedirs"))


def gate_options(config: pytest.Config) -> GateOptions:
    """The options about the gate."""
    option = config.option
    folder = _from_invocation(config, option.baselines) if option.baselines else config.rootpath / "baselines"
    return GateOptions(option.gate, folder, option.approve)


def run_options(config: pytest.Config) -> RunOptions:
    """The options about the run, checked one by one. Errors: ``HarnessError``."""
    from harness.models.registry import find_entry
    from harness.options import RunOptions, checked_seed, default_cache_folder

    option = config.option
    if option.from_results is not None:
        return _options_of_results(config)
    models = tuple(option.model or (DEFAULT_MODEL,))
    twice = [name for name in dict.fromkeys(models) if models.count(name) > 1]
    if twice:
        raise HarnessError(f"--model {twice[0]} is given more than once; a model is compared with another one.")
    if option.control_model in models:
        raise HarnessError(
            f"--control-model {option.control_model} is one of the models under study; what both pass would always agree."
        )
    _check_ray(option.engine, option.ray_address, option.ray_workers)
    models_file = _from_invocation(config, option.models_file) if option.models_file else None
    for name in (*models, *([option.control_model] if option.control_model else [])):
        find_entry(name, models_file)
    n_problems = _problems(option.n_problems, QUICK_PROBLEMS if option.quick else DEFAULT_PROBLEMS, "--n-problems")
    sweep_problems = _problems(
        option.sweep_problems, QUICK_PROBLEMS if option.quick else DEFAULT_SWEEP, "--sweep-problems"
    )
    return RunOptions(
        models=models,
        dataset=option.dataset,
        gsm8k_path=_from_invocation(config, option.gsm8k_path) if option.gsm8k_path else None,
        n_problems=n_problems,
        seed=checked_seed(DEFAULT_SEED if option.seed is None else option.seed),
        output=_from_invocation(config, option.output or DEFAULT_OUTPUT),
        cache_dir=_from_invocation(config, option.cache_dir) if option.cache_dir else default_cache_folder(),
        refresh=option.refresh,
        batch_size=_batch_size(option.batch_size),
        device=option.device,
        dtype=option.dtype,
        store=option.store,
        controls=option.controls or ("cheap" if option.quick else "all"),
        control_model=option.control_model,
        checkpoints=_checkpoints(option.checkpoint, models, option.control_model),
        models_file=models_file,
        sweep_problems=sweep_problems,
        ablate_at=tuple(dict.fromkeys(option.ablate_at)),
        quick=option.quick,
        engine=option.engine,
        ray_address=option.ray_address,
        ray_workers=option.ray_workers,
        wandb=option.wandb,
    )


def _options_of_results(config: pytest.Config) -> RunOptions:
    from harness.from_results import Asked, recorded_options

    option = config.option
    running = {
        "--approve": option.approve,
        "--refresh": option.refresh,
        "--checkpoint": option.checkpoint,
        "--engine ray": option.engine == "ray",
        "--ablate-at": option.ablate_at,
    }
    for name, given in running.items():
        if given:
            raise HarnessError(
                f"{name} is about running a model, and --from-results runs none. Leave one of the two out."
            )
    asked = Asked(
        models=tuple(option.model) if option.model else None,
        dataset=option.dataset,
        n_problems=QUICK_PROBLEMS if option.quick and option.n_problems is None else option.n_problems,
        sweep_problems=option.sweep_problems,
        seed=option.seed,
        controls=option.controls,
        control_model=option.control_model,
    )
    return recorded_options(
        _from_invocation(config, option.from_results),
        asked,
        output=_from_invocation(config, option.output) if option.output else None,
        cache_dir=_from_invocation(config, option.cache_dir) if option.cache_dir else None,
        gsm8k_path=_from_invocation(config, option.gsm8k_path) if option.gsm8k_path else None,
    )


def selected_criteria(config: pytest.Config, criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
    """The criteria that --study and --story leave. Errors: ``HarnessError`` for names there are none of."""
    studies = _known(config.option.study, [criterion.study for criterion in criteria], "study")
    stories = _known(config.option.story, [criterion.story for criterion in criteria], "story")
    large = {criterion.story for criterion in criteria if criterion.study == LARGE}
    wanted = config.option.full and (not stories or stories & large)
    if config.option.full and not wanted:
        raise HarnessError(
            f"--full asks for {LARGE}, and --story {' --story '.join(sorted(stories))} leaves it out. Drop one of the two, or "
            f"name a story of {LARGE} too: {', '.join(sorted(large))}."
        )
    if config.option.store != "float32" and not (wanted or LARGE in studies or stories & large):
        raise HarnessError(f"--store is about {LARGE}, which is not judged here. Add --full, or leave --store out.")
    if config.option.full:
        studies |= {LARGE} if studies else set()
    elif not studies and not stories:
        studies = {criterion.study for criterion in criteria} - {LARGE}
    return tuple(
        criterion
        for criterion in criteria
        if (not studies or criterion.study in studies) and (not stories or criterion.story in stories)
    )


def waits_for_phases(config: pytest.Config, selected: Sequence[Criterion]) -> bool:
    """Whether --stop-unless-passed is given. Errors: ``HarnessError`` where ``selected`` could never fulfil it."""
    from harness.criteria.phases import phases_before

    if not config.option.stop_unless_passed:
        return False
    if not any(criterion.study == LARGE and criterion.scope == "model" for criterion in selected):
        raise HarnessError(
            f"--stop-unless-passed is given, but nothing of {LARGE} that is about a model is selected. "
            "Add --full; with --story, add a story such as 4.2 too."
        )
    ids = {criterion.id for criterion in selected}
    before = phases_before(LARGE)
    missing = [name for phase in before for name in phase.conditions if name not in ids]
    if missing:
        raise HarnessError(
            f"--stop-unless-passed is given, but {LARGE} would never be judged: {' and '.join(phase.id for phase in before)} "
            f"must pass in the same run, and of what decides them {', '.join(missing)} is not selected. "
            f"Add {' '.join(f'--study {phase.id}' for phase in before)} and leave out --story."
        )
    return True


def _known(asked: list[str], names: list[str], what: str) -> set[str]:
    known = list(dict.fromkeys(names))
    for name in asked:
        if name not in known:
            raise HarnessError(f"No {what} is called {name!r}. --{what} takes one of: {', '.join(known)}.")
    return set(asked)


def _problems(asked: int | None, default: int, option: str) -> int:
    count = default if asked is None else asked
    if count < 1:
        raise HarnessError(f"{option} is {count}; a sample needs at least 1 problem.")
    return count


def _batch_size(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise HarnessError(f"--batch-size is {text!r}; it takes auto or a number of problems, at least 1.")
    return int(text)


def _check_ray(engine: str, address: str | None, workers: int | None) -> None:
    for option, given in (("--ray-address", address), ("--ray-workers", workers)):
        if given is not None and engine != "ray":
            raise HarnessError(f"{option} is given, but this run is not on Ray; add --engine ray.")
    if workers is not None and workers < 1:
        raise HarnessError(f"--ray-workers is {workers}; it takes a number of workers, at least 1.")


def _checkpoints(pairs: list[str], models: tuple[str, ...], control_model: str | None) -> dict[str, str]:
    places: dict[str, str] = {}
    for pair in pairs:
        name, equals, place = pair.partition("=")
        if not (name and equals and place):
            raise HarnessError(f"--checkpoint is {pair!r}; it takes NAME=PATH, such as llama=~/codi_ckpt/llama_gsm8k.")
        if name not in models and name != control_model:
            raise HarnessError(
                f"--checkpoint names {name!r}, which this run does not use; it uses {', '.join(models)}. "
                f"Add --model {name} or correct the name."
            )
        places[name] = place
    return places


def _from_invocation(config: pytest.Config, path: str) -> Path:
    return config.invocation_params.dir / Path(path).expanduser()
