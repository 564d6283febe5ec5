"""The evidence of a comparison: two models that ran on the same problems."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.criteria.criterion import Measurement, NotMeasured, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.paired import Pair, PairMeasure, aligned, evaluate_pair
from harness.criteria.remembered import remembered, statistics_code
from harness.criteria.sample import Sample
from harness.files import digest


class PairStudy:
    """Two models, the smaller one first: scope ``pair``.

    ``figures_folder`` is where the comparison's figures go, relative to the output folder.
    """

    def __init__(
        self,
        smaller: ModelStudy,
        larger: ModelStudy,
        provenance: dict[str, Any],
        figures_folder: str = "figures/comparison",
    ):
        from harness.criteria.pair_drawings import PairDrawings
        from harness.criteria.pair_files import PairFiles

        self.studies = (smaller, larger)
        self.options = smaller.options
        self.name = f"{smaller.name}_vs_{larger.name}"
        self.provenance = {
            **provenance,
            "models": [smaller.name, larger.name],
            "model_fingerprints": [one.provenance["model_fingerprint"] for one in self.studies],
            "dataset_fingerprint": smaller.provenance["dataset_fingerprint"],
        }
        self.files = PairFiles(self)
        self.figures = PairDrawings(self, figures_folder)

    @cached_property
    def pair(self) -> Pair:
        """The patterns that are compared. Errors: ``NotMeasured`` when no problem is common to both models."""
        smaller, larger = self.studies
        return aligned(
            (smaller.name, larger.name),
            [np.asarray(one.patterns.raw) for one in self.studies],
            [one.patterns.problem_ids for one in self.studies],
            self.options.seed,
        )

    @property
    def samples(self) -> dict[str, Sample]:
        """What hypotheses see, by model, the smaller first."""
        return dict(zip(self.pair.names, self.pair.samples, strict=True))

    @property
    def content(self) -> str:
        """Content key of both extractions: equal keys, equal patterns."""
        return digest(*(one.content for one in self.studies))

    @cached_property
    def _untrained(self) -> Pair | None:
        """Both architectures with fresh weights; None for one architecture, whose weights would be the same twice."""
        samples = [study.controls.get("untrained") for study in self.studies]
        raws = [sample.raw for sample in samples if sample is not None]
        if len(raws) < 2 or (raws[0].shape == raws[1].shape and np.array_equal(raws[0], raws[1])):
            return None
        return aligned(self.pair.names, raws, [one.patterns.problem_ids for one in self.studies], self.options.seed)

    def absolute(self, relative: str) -> Path:
        """A path inside the output folder."""
        return self.options.output / relative

    def evaluate(self, criterion_id: str, measure: PairMeasure, rule: Rule) -> Measurement:
        """A hypothesis' measurement with its controls, kept on disk by content.

        Errors: ``NotMeasured`` for a question about the smaller model where both have as many parameters.
        """
        if measure.of_sizes and len({study.about["n_parameters"] for study in self.studies}) == 1:
            parameters = self.studies[0].about["n_parameters"]
            raise NotMeasured(f"neither model is the smaller one: both have {parameters:,} parameters")
        settings = f"{criterion_id}:{rule!r}:{self.options.controls}:{self.options.seed}:{self.name}"
        key = digest(self.content, settings, statistics_code())
        controls = self.options.controls != "none"
        return remembered(
            self.options.cache_dir / "measurements" / f"{key[:32]}.json",
            lambda: evaluate_pair(measure, rule, self.pair, controls, self._untrained),
        )
