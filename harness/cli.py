"""``codi-harness``: what is there, does a model load, what is judged, and tidying the cache."""

import argparse
import os
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.behaviour.predictions import CONDITION_FIELD, FORM, LIST_FIELD, PROBLEMS_FIELD
from harness.errors import HarnessError
from harness.options import RunOptions, checked_seed, default_cache_folder

if TYPE_CHECKING:
    from harness.criteria.criterion import Criterion

USAGE_ERROR = 4

BEHAVIOUR = (
    "Says of every answer in one or several files of predictions what kind it is: right, or which error explains the wrong "
    f'number. Each FILE holds one condition, or several where each row names its "{CONDITION_FIELD}"; the first of all is the '
    f'baseline. It is a JSON list, a JSON object with the list under "{LIST_FIELD}", JSONL, or CSV; {FORM}. An object may hold '
    f'question and solution of every id once, under "{PROBLEMS_FIELD}". Rows of several conditions belong together by "id" '
    "where all have one, else by question. The predictions that a study of behaviour writes can be read, and so can the "
    "error_taxonomy_full.json that is written, beside error_taxonomy_summary.json."
)


REPORT = (
    "write DIR/index.html again from DIR/criteria.json and the files beside it, without judging anything.",
    "The page that is there is replaced in one step, by one without pytest's own table of tests; the path is printed.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 when a gate is not met, 4 with a paragraph on standard error for a wrong input."""
    options = _parser().parse_args(arguments)
    status = 0
    try:
        status = options.run(options) or 0
        sys.stdout.flush()
    except HarnessError as error:
        print(textwrap.fill(str(error), 100), file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="codi-harness", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    models = commands.add_parser("models", help="list the registered models and where their files are looked for")
    models.set_defaults(run=_models)

    check = commands.add_parser("check-model", help="load a model and answer one question")
    check.add_argument("name")
    check.add_argument("--checkpoint", help="a folder, file or hub id in place of the registry's")
    check.add_argument("--device", default="auto")
    check.set_defaults(run=_check_model)

    criteria = commands.add_parser(
        "criteria",
        help="list every criterion with its rule and definition, and whether results are enough to judge it",
    )
    criteria.add_argument("--story", help="only this story, such as 1.2")
    criteria.add_argument(
        "places", type=Path, metavar="PATH", nargs="*", help="only those that files or folders of your own declare"
    )
    criteria.add_argument(
        "--from-results", action="store_true", help="only those that can be judged from results, without a model"
    )
    criteria.set_defaults(run=_criteria)

    behaviour = commands.add_parser(
        "behaviour", help="classify the wrong answers in files of predictions, without a model", description=BEHAVIOUR
    )
    behaviour.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        action="append",
        required=True,
        help="one condition or several; the first is the baseline",
    )
    behaviour.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=RunOptions.seed,
        help=f"seed of resamples and random answers (default {RunOptions.seed})",
    )
    behaviour.add_argument("--output", type=Path, metavar="DIR", default=Path("reports"), help="default reports")
    behaviour.set_defaults(run=_behaviour)

    report = commands.add_parser("report", help=REPORT[0], description=" ".join(REPORT))
    report.add_argument(
        "folder", type=Path, metavar="DIR", nargs="?", default=Path("reports"), help="of the results (default reports)"
    )
    report.set_defaults(run=_report)

    commit = commands.add_parser(
        "commit-message", help="print a commit message with what a run found; committing stays with you"
    )
    commit.add_argument(
        "folder", type=Path, metavar="DIR", nargs="?", default=Path("reports"), help="of the results (default reports)"
    )
    commit.set_defaults(run=_commit_message)

    gate = commands.add_parser(
        "gate",
        help="compare the verdicts in a folder of results with the approved ones; exit status 1 where any differs",
    )
    gate.add_argument(
        "folder", type=Path, metavar="DIR", nargs="?", default=Path("reports"), help="of the results (default reports)"
    )
    gate.add_argument("--baselines", type=Path, metavar="DIR", default=Path("baselines"), help="default baselines")
    gate.add_argument(
        "--staged", action="store_true", help="compare what git would commit now, whatever lies in the folders"
    )
    gate.set_defaults(run=_gate)

    prune = commands.add_parser("prune-cache", help="remove extractions and measurements that were not used lately")
    prune.add_argument("--days", type=float, default=30, help="keep what was used in so many days (default 30)")
    prune.add_argument("--cache-dir", type=Path, default=default_cache_folder())
    prune.set_defaults(run=_prune_cache)

    for command in (models, check):
        command.add_argument("--models", type=Path, metavar="FILE", help="a TOML file with models of your own")
    return parser


def _models(options: argparse.Namespace) -> None:
    from harness.models.registry import registered_models

    for name, (entry, _) in sorted(registered_models(options.models).items()):
        places = [*([f"embedded in {entry.folder}"] if entry.folder else []), *entry.checkpoint]
        print(f"{name:<18} {entry.dataset:<10} {', '.join(places)}")


def _check_model(options: argparse.Namespace) -> None:
    from harness.models.load import load_model
    from harness.models.registry import find_entry
    from harness.problems import load_problems

    started = time.monotonic()
    # The checks take NAME=PATH, for they can have several models; here both forms say the same.
    checkpoint = options.checkpoint and options.checkpoint.removeprefix(f"{options.name}=")
    model = load_model(options.name, checkpoint=checkpoint, device=options.device, models_file=options.models)
    loaded = time.monotonic()
    print(f"{model.name}: {model.n_layers} layers x {model.n_heads} heads, {model.n_latents} thoughts,")
    print(
        f"  {model.n_parameters:,} parameters without embeddings, on {model.device}, loaded in {loaded - started:.1f} s"
    )
    dataset = find_entry(options.name, options.models)[0].dataset
    question = "Tom has 5 apples. He buys 3 more. How many apples does Tom have?"
    gold = 8.0
    if dataset == "synthetic":
        problem = load_problems("synthetic", split="test", n=1)[0]
        question, gold = problem.question, problem.answer
    print(f"  question: {question}")
    print(f"  answer:   {model.generate([question])[0]!r} in {time.monotonic() - loaded:.1f} s (gold {gold:g})")


def _criteria(options: argparse.Namespace) -> None:
    from harness.criteria.registry import criteria

    declared = _declared_in(options.places) if options.places else criteria()
    chosen = [criterion for criterion in declared if options.story in (None, criterion.story)]
    if not chosen:
        stories = ", ".join(dict.fromkeys(criterion.story for criterion in declared))
        raise HarnessError(f"There is no story {options.story!r}. Stories: {stories}.")
    if options.from_results:
        chosen = [criterion for criterion in chosen if criterion.from_results]
        if not chosen:
            raise HarnessError(
                f"Story {options.story} has no criterion that results are enough for: the model is needed."
            )
    for criterion in chosen:
        needs = "results" if criterion.from_results else "model"
        print(f"{criterion.id:<22} {criterion.kind:<11} {needs:<8} {criterion.rule!s:<24} {criterion.statement}")
        print(textwrap.indent(textwrap.fill(criterion.definition, 96), "    "))


def _declared_in(places: Sequence[Path]) -> "tuple[Criterion, ...]":
    from harness.declared.find import NAME, PATTERNS, declaring_files
    from harness.declared.read import own_criteria

    # As for pytest: what a file imports may lie beside it, seen from the current folder.
    sys.path.insert(0, str(Path.cwd()))
    found = own_criteria(declaring_files(places))
    if not found:
        raise HarnessError(
            f"Nothing is declared in {', '.join(map(str, places))}: no file called {' or '.join(PATTERNS)} gives {NAME} a value."
        )
    return found


def _behaviour(options: argparse.Namespace) -> None:
    from harness.behaviour.predictions import read_predictions
    from harness.criteria.sorted_answers import FULL, SUMMARY
    from harness.reporting.taxonomy import taxonomy_table, write_taxonomy

    seed = checked_seed(options.seed)
    conditions = [condition for file in options.predictions for condition in read_predictions(file)]
    summary = write_taxonomy(conditions, options.output, seed)
    print(taxonomy_table(summary))
    print(f"\nwritten: {options.output / FULL}, {options.output / SUMMARY}")


def _report(options: argparse.Namespace) -> None:
    from harness.files import write_text
    from harness.reporting.html import page
    from harness.results import read_results

    print(write_text(options.folder / "index.html", page(read_results(options.folder), options.folder)))


def _commit_message(options: argparse.Namespace) -> None:
    from harness.documents.commit_message import commit_message
    from harness.results import read_results

    print(commit_message(read_results(options.folder)), end="")


def _gate(options: argparse.Namespace) -> int:
    from harness.plugin.saved import gate

    return gate(options.folder, options.baselines, options.staged)


def _prune_cache(options: argparse.Namespace) -> None:
    from harness.extraction.prune import prune

    extractions, measurements, freed = prune(options.cache_dir, options.days)
    print(
        f"removed {extractions} extractions and {measurements} measurements, {freed / 1e6:.1f} MB, "
        f"from {options.cache_dir}"
    )


if __name__ == "__main__":
    sys.exit(main())
