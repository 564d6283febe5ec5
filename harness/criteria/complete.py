"""One model on the complete training split: read in pieces, never as a whole."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Measurement, NotMeasured
from harness.criteria.hypothesis import undefined
from harness.criteria.judged import judged_result
from harness.criteria.sample import AT_ONCE
from harness.criteria.validation import (
    Correlation,
    HeadsComparison,
    HubComparison,
    correlations,
    heads_comparisons,
    hub_comparisons,
    hub_errors,
    interval_widths,
    ranking_of,
    rows_of,
    shared,
    together,
)
from harness.documents.phrases import marks
from harness.files import replacing, write_json
from harness.measures import NotApplicable, NotFinite, causal_cells, enrichment
from harness.problems.validate import fold
from harness.results import CriterionResult
from harness.storage.checkpoints import EVERY, checkpoint_name, checkpoints_of, write_checkpoint
from harness.storage.costs import Cost

if TYPE_CHECKING:
    from harness.criteria.drawings import Drawing
    from harness.criteria.evidence import ModelStudy
    from harness.extraction.cached import CachedExtraction

Array = NDArray[Any]
COMPARED = {"verdict", "measured", "ci_low", "ci_high", "biased", "confidence", "reason"}
"""What is written of a hypothesis that was judged on the sample and on all problems."""


@dataclass(frozen=True)
class Moments:
    """Over n problems: ``mean`` [L, H, T, T] of each weight, and its standard error."""

    n: int
    mean: Array
    error: Array


def moments(pieces: Callable[[], Sequence[Array] | Any]) -> Moments:
    """Mean and standard error of patterns that come in pieces [m, L, H, T, T], in two passes, in float64."""
    n, total = 0, None
    for piece in pieces():
        exact = piece.sum(axis=0, dtype=np.float64)
        n, total = n + len(piece), exact if total is None else total + exact
    assert total is not None
    mean, squares = total / n, np.zeros_like(total)
    for piece in pieces():
        squares += ((piece.astype(np.float64) - mean) ** 2).sum(axis=0)
    return Moments(n, mean, np.sqrt(squares / max(1, n - 1) / n))


class CompleteStudy:
    """Attention of one model on all problems, beside that on its first sample; files under ``results/<model>_full/``."""

    def __init__(self, study: "ModelStudy", whole: "ModelStudy", extraction: "CachedExtraction"):
        self.study, self.whole, self.extraction = study, whole, extraction
        self.problems = extraction.problems
        self.folder = f"results/{study.name}_full"

    @cached_property
    def patterns(self) -> Any:
        """The model's attention; its arrays lie on disk."""
        return self.extraction.patterns()

    def rows(self, rows: Sequence[int]) -> Array:
        """[len(rows), L, H, T, T], as it is kept. The file is mapped for this piece alone."""
        raw = np.load(self.patterns.raw.filename, mmap_mode="r")
        return np.array(raw[rows[0] : rows[-1] + 1] if isinstance(rows, range) else raw[list(rows)])

    def pieces(self) -> Any:
        """All of it, in order."""
        for start in range(0, len(self.problems), AT_ONCE):
            yield self.rows(range(start, min(start + AT_ONCE, len(self.problems))))

    @cached_property
    def moments(self) -> Moments:
        """Mean and standard error of every weight over all problems."""
        return moments(self.pieces)

    @cached_property
    def first(self) -> Moments:
        """The same of the first sample."""
        raw = np.asarray(self.study.patterns.raw)
        return moments(lambda: [raw])

    @cached_property
    def raw(self) -> str:
        """attention_patterns_full_raw.npy [N, L, H, T, T], copied without reading it into memory."""
        name = f"{self.folder}/attention_patterns_full_raw.npy"
        extracted = self.patterns.raw.filename
        with replacing(self.study.absolute(name)) as temporary:
            shutil.copyfile(extracted, temporary)
        return name

    @property
    def checkpoint_folder(self) -> Path:
        """Where checkpoints are."""
        return checkpoint_folder(self.study.options.output, self.study.name)

    @cached_property
    def checkpoints(self) -> tuple[str, ...]:
        """Every checkpoint; those that are missing or damaged are written again from what was extracted."""
        for problems in checkpoints_of(len(self.problems)):
            write_checkpoint(self.checkpoint_folder, problems, self.rows)
        return tuple(
            f"{self.folder}/checkpoints/{checkpoint_name(problems.stop)}"
            for problems in checkpoints_of(len(self.problems))
        )

    @cached_property
    def verdicts(self) -> list[tuple[CriterionResult, CriterionResult]]:
        """Every hypothesis of phases 1 and 2 about one model, judged on the sample and on all problems.

        A verdict that is not to be had on all problems is ``skipped``, with the reason.
        """
        from harness.criteria.registry import criteria

        return [
            self._twice(one)
            for one in criteria()
            if one.kind == "hypothesis" and one.scope == "model" and one.study in ("phase1", "phase2")
        ]

    def _twice(self, criterion: Criterion) -> tuple[CriterionResult, CriterionResult]:
        try:
            found = criterion.measure(self.whole)
        except (NotApplicable, NotMeasured) as error:
            # On the sample it may take long, and there is nothing to hold it against.
            left_out = judged_result(criterion, self.whole.name, Measurement(None, reason=str(error)), "skipped")
            return left_out, left_out
        except NotFinite as error:
            found = undefined(str(error))
        verdict = "pass" if criterion.rule.holds(found.value) else "fail"
        return self.study.judged(criterion.id), judged_result(criterion, self.whole.name, found, verdict)

    @cached_property
    def correlations(self) -> list[Correlation]:
        """How alike patterns and scores are on the sample and on all problems."""
        return correlations(self.study.sample, self.whole.sample)

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """[N]: which problems are not in the sample, under whatever id: a question of the sample's is in it."""
        taken = {fold(problem.question) for problem in self.study.problems}
        return np.array([fold(problem.question) not in taken for problem in self.problems])

    @cached_property
    def rest(self) -> Array | None:
        """[L, H, T, T]: mean attention on the problems outside the sample; None where there are none."""
        n = int(self.outside.sum())
        if n == 0:
            return None
        weights = (self.outside / n)[None]
        return self.whole.sample.weighted(lambda raw: raw, weights)[0]

    @cached_property
    def hubs(self) -> tuple[int, list[HubComparison]]:
        """The sample's hub against the other positions, on the problems outside the sample."""
        if self.outside.sum() < 2:
            raise NotApplicable("needs at least 2 problems outside the sample")
        # enrichment is a ratio of means over heads: of one problem, that problem's.
        return hub_comparisons(self.study.sample, self.whole.sample.each(enrichment)[self.outside])

    @cached_property
    def heads_of_hubs(self) -> list[HeadsComparison]:
        """Enrichment on the sample against all problems, head by head."""
        return heads_comparisons(self.study.sample, self.whole.sample)

    @cached_property
    def errors(self) -> dict[str, Array]:
        """Standard errors of hub scores on all problems over those on the sample."""
        return hub_errors(self.study.sample, self.whole.sample)

    @cached_property
    def widths(self) -> dict[str, Array]:
        """Widths of intervals on all problems over those on the sample."""
        return interval_widths(self.study.sample, self.whole.sample)

    @cached_property
    def figures(self) -> "list[Drawing]":
        """The figures of the attention study, on all problems."""
        drawings = self.whole.figures
        return [
            drawings.top_heads(),
            drawings.layers(),
            drawings.hubs(),
            drawings.critical_heads(),
            *drawings.details(),
        ]

    def validation_content(self) -> dict[str, Any]:
        """What the validation report says."""
        one, all_ = self.study.sample.mean, self.whole.sample.mean
        hub, against = self.hubs
        return {
            "n_first": len(self.study.problems),
            "n_full": len(self.problems),
            "heads": self.study.n_layers * self.study.n_heads,
            "top_10_first": ranking_of(one),
            "top_10_full": ranking_of(all_),
            "overlap": float(shared(one, all_)),
            "verdicts": [
                {
                    "id": first.id,
                    "statement": first.statement,
                    "comparator": first.comparator,
                    "threshold": first.threshold,
                    "first": _compared_side(first),
                    "full": _compared_side(full),
                }
                for first, full in self.verdicts
            ],
            "correlations": rows_of(self.correlations),
            "hub": {"position": hub, "n": int(self.outside.sum()), "against": rows_of(against)},
            "hub_scores_over_heads": rows_of(self.heads_of_hubs),
            "standard_error_ratio": {name: float(values.max()) for name, values in self.errors.items() if len(values)},
            "interval_width_ratio": {
                name: float(np.median(values)) for name, values in self.widths.items() if len(values)
            },
        }

    @cached_property
    def validation(self) -> str:
        """100_vs_{N}_validation.json: top tens, overlap, verdicts, tests with effect sizes, standard errors, intervals."""
        return self.json(
            f"{len(self.study.problems)}_vs_{len(self.problems)}_validation.json", self.validation_content()
        )

    @cached_property
    def costs(self) -> list[Cost]:
        """What each batch cost, as far as it is known."""
        return self.extraction.costs()

    @property
    def all_costs(self) -> list[Cost]:
        """What each batch cost. Errors: ``NotMeasured`` where a run was cut off between a batch and its note."""
        known, n = sum(cost.problems for cost in self.costs), len(self.problems)
        if known < n:
            raise NotMeasured(
                f"needs what every batch cost; of {n - known:,} of {n:,} problems it was lost (--refresh)"
            )
        return self.costs

    @property
    def rounding(self) -> float:
        """The largest difference of a weight from what is kept of it."""
        return max(cost.rounding for cost in self.all_costs)

    @property
    def files(self) -> list[Path]:
        """The arrays that were written."""
        patterns = self.patterns
        return [
            Path(getattr(patterns, field.name).filename)
            for field in fields(patterns)
            if hasattr(getattr(patterns, field.name), "filename")
        ]

    @cached_property
    def comparison(self) -> str:
        """100_vs_full_comparison.json: correlation, standard errors, variance reduction."""
        return self.json(f"{self.study.options.n_problems}_vs_full_comparison.json", compared(self.first, self.moments))

    def json(self, name: str, content: dict[str, Any]) -> str:
        """A result file with its provenance."""
        relative = f"{self.folder}/{name}"
        about = {**self.study.provenance, "full_dataset_fingerprint": self.problems.fingerprint}
        write_json(self.study.absolute(relative), {**content, "provenance": about})
        return relative

    def read(self, relative: str) -> dict[str, Any]:
        """A result file, re-read."""
        content: dict[str, Any] = json.loads(self.study.absolute(relative).read_text(encoding="utf-8"))
        return content


def _compared_side(result: CriterionResult) -> dict[str, Any]:
    said = [word for word, _ in marks(result) if word not in ("selection-biased", "no controls")]
    return {**result.model_dump(mode="json", include=COMPARED), "marks": said}


def checkpoint_folder(output: Path, model: str) -> Path:
    """Where the checkpoints of a model are."""
    return output / "results" / f"{model}_full" / "checkpoints"


def pearson_r(one: Array, other: Array) -> float:
    """Correlation of two mean patterns [L, H, T, T] over causal cells; NaN where one does not vary."""
    rows, columns = causal_cells(one.shape[-1])
    return float(together(*(mean[..., rows, columns].reshape(1, -1) for mean in (one, other))))


def compared(first: Moments, full: Moments) -> dict[str, Any]:
    """What more problems change: the means' correlation over causal cells, and standard errors beside what is expected."""
    rows, columns = causal_cells(first.mean.shape[-1])
    one, other = (found.mean[..., rows, columns].ravel() for found in (first, full))
    errors = np.stack([found.error[..., rows, columns].ravel() for found in (first, full)])
    varies = (errors > 0).all(axis=0)
    shrunk = errors[1, varies] / errors[0, varies]
    expected = np.sqrt(first.n / full.n)
    return {
        "n_first": first.n,
        "n_full": full.n,
        "cells": len(one),
        "pearson_r": pearson_r(first.mean, full.mean),
        "largest_difference": float(np.abs(one - other).max()),
        "mean_difference": float(np.abs(one - other).mean()),
        "cells_without_variation": int((~varies).sum()),
        "standard_error_ratio_median": float(np.median(shrunk)) if varies.any() else float("nan"),
        "expected_standard_error_ratio": float(expected),
        "over_expected_median": float(np.median(shrunk / expected)) if varies.any() else float("nan"),
        "variance_reduction": float(1 - np.median(shrunk**2)) if varies.any() else float("nan"),
        "checkpoint_every": EVERY,
    }
