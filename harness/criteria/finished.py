"""The evidence of the stories 3.x: a run of which everything else is judged, with what it wrote."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.criteria.criterion import Criterion, NotMeasured
from harness.criteria.experiment_files import ExperimentFiles
from harness.criteria.judged import judge, needing_model
from harness.options import RunOptions
from harness.results import Calibration, CriterionResult, RunResult, read_calibrations

AFTERWARDS = "phase3"
"""The study whose criteria look at what the others left."""


@dataclass
class FinishedRun:
    """What a run leaves for readers: scope ``run`` of the stories 3.x.

    Attributes:
        options: those of the run that looks.
        result: what was judged, so far; rows are added as the stories 3.x are.
        page: the report of a result as HTML, without writing it.
        declared: every criterion there is, whether or not it was selected.
    """

    options: RunOptions
    result: RunResult
    page: Callable[[RunResult], str]
    declared: Sequence[Criterion] = ()

    name = "run"

    @property
    def output(self) -> Path:
        """The output folder."""
        return self.options.output

    @property
    def provenance(self) -> dict[str, Any]:
        """The ``run`` object of ``criteria.json``."""
        return self.result.run

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order of the run."""
        return [model["name"] for model in self.result.run["models"]]

    @property
    def pairs(self) -> list[str]:
        """Names of the comparisons."""
        return list(dict.fromkeys(one.model for one in self.judged if "_vs_" in one.model))

    @property
    def judged(self) -> list[CriterionResult]:
        """All rows but those of the stories 3.x."""
        return [one for one in self.result.criteria if one.study != AFTERWARDS]

    def of(self, scope: str) -> dict[str, CriterionResult]:
        """The rows of a model, a comparison or the run, by id."""
        return {one.id: one for one in self.judged if one.model == scope}

    def require(self, of_models: Sequence[str], of_pairs: Sequence[str] = ()) -> None:
        """Errors: ``NotMeasured`` where a row that is needed was not judged in this run, or was skipped."""
        wanted = [(scope, name) for scope in self.models for name in of_models]
        wanted += [(scope, name) for scope in self.pairs for name in of_pairs]
        _need(wanted, {(one.model, one.id) for one in self.judged if one.verdict != "skipped"})

    def require_all(self, studies: Collection[str]) -> None:
        """Errors: ``NotMeasured`` where a criterion of the studies was not looked at in this run."""
        wanted = [(scope, name) for scope in (*self.models, *self.pairs) for name in self.of_studies(studies, scope)]
        _need(wanted, {(one.model, one.id) for one in self.judged})

    def of_studies(self, studies: Collection[str], scope: str) -> list[str]:
        """Ids of all criteria of the studies about a model or a comparison, whether or not they were selected."""
        kind = "pair" if "_vs_" in scope else "model"
        return [one.id for one in self.declared if one.study in studies and one.scope == kind]

    @cached_property
    def calibrations(self) -> dict[tuple[str, str], Calibration]:
        """What is known of each hypothesis' threshold, by scope and id."""
        return read_calibrations(self.result, self.output)

    @cached_property
    def documents(self) -> ExperimentFiles:
        """What is written for readers."""
        return ExperimentFiles(self)

    def absolute(self, relative: str) -> Path:
        """A path inside the output folder."""
        return self.output / relative


def _need(wanted: Sequence[tuple[str, str]], known: Collection[tuple[str, str]]) -> None:
    missing = [f"{name} of {scope}" for scope, name in wanted if (scope, name) not in known]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise NotMeasured(f"needs what this run did not judge: {', '.join(missing[:3])}{more}")


def conclude(chosen: Iterable[Criterion], finished: FinishedRun) -> list[CriterionResult]:
    """Judge the stories 3.x one after the other; each sees the rows of those before it. Returns their rows."""
    added = []
    for criterion in chosen:
        lacking = finished.options.from_results is not None and not criterion.from_results
        row = needing_model(criterion, "run") if lacking else judge(criterion, "run", finished)
        finished.result = finished.result.model_copy(update={"criteria": [*finished.result.criteria, row]})
        added.append(row)
    return added
