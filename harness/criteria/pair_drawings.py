"""The figures of a comparison, each drawn and saved once."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.compared import top_heads
from harness.criteria.critical import SCORES
from harness.criteria.drawings import Drawing, drawing_code, saved
from harness.criteria.sample import Sample
from harness.files import digest
from harness.measures import (
    composite_score,
    hub_adjusted,
    incoming,
    row_scores,
    take_patterns,
    uniform_rows,
)
from harness.measures.patterns import mean_of_defined
from harness.statistics import percentile_interval, resample, resample_weights, uniform, weighted_means

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.criteria.pair_study import PairStudy

Array = NDArray[Any]


class PairDrawings:
    """Draws the figures of a comparison into ``folder``, relative to the output folder."""

    def __init__(self, study: "PairStudy", folder: str):
        self._study = study
        self._folder = folder

    def hubs(self) -> Drawing:
        """6_model_comparison_hubs."""
        return self._hubs

    def flow(self) -> Drawing:
        """7_model_comparison_flow."""
        return self._flow

    def critical_heads(self) -> Drawing:
        """8_model_comparison_critical_heads."""
        return self._critical_heads

    @cached_property
    def _hubs(self) -> Drawing:
        from harness.figures.comparison import HubBars, comparison_hubs

        def bars(name: str, sample: Sample) -> HubBars:
            weights = resample_weights(len(sample.raw), seed=sample.seed)
            received, adjusted = (
                np.stack(percentile_interval(resample(measure, sample.raw, weights)))
                for measure in (incoming, hub_adjusted)
            )
            null = incoming(uniform(sample.mean))
            return HubBars(name, incoming(sample.mean), received, null, hub_adjusted(sample.mean), adjusted)

        figure = comparison_hubs(self._of_each(bars), self._title("which thoughts are read"))
        return self._save("6_model_comparison_hubs", figure)

    @cached_property
    def _flow(self) -> Drawing:
        from harness.figures.comparison import LayerLines, comparison_flow

        def lines(name: str, sample: Sample) -> LayerLines:
            by_layer = mean_of_defined(row_scores(sample.raw))
            weights = resample_weights(len(by_layer), seed=sample.seed)
            ends = np.stack(percentile_interval(weighted_means(by_layer, weights)))
            mean = by_layer.mean(axis=0)
            return LayerLines(name, {score: (mean[k], ends[:, k]) for k, score in enumerate(SCORES)})

        even = row_scores(uniform_rows(self._study.pair.n_latents)[None, None])
        levels = {score: float(even[k, 0, 0]) for k, score in enumerate(SCORES)}
        figure = comparison_flow(self._of_each(lines), levels, self._title("scores by depth"))
        return self._save("7_model_comparison_flow", figure)

    @cached_property
    def _critical_heads(self) -> Drawing:
        from harness.figures.comparison import TopHeads, comparison_critical_heads

        def top(name: str, sample: Sample) -> TopHeads:
            heads, scores = top_heads(sample.mean), composite_score(sample.mean)
            places = [divmod(int(head), sample.raw.shape[2]) for head in heads]
            titles = [f"L{layer}H{head} (composite={scores[layer, head]:.2f})" for layer, head in places]
            return TopHeads(name, take_patterns(sample.mean, heads), titles)

        figure = comparison_critical_heads(self._of_each(top), self._title("most critical heads"))
        return self._save("8_model_comparison_critical_heads", figure)

    def _of_each(self, make: Any) -> list[Any]:
        pair = self._study.pair
        return [make(name, sample) for name, sample in zip(pair.names, pair.samples, strict=True)]

    def _title(self, what: str) -> str:
        study = self._study
        names = " and ".join(study.pair.names)
        return f"{names}, {study.studies[0].problems.name}, N={study.pair.n_problems}: {what}"

    def _save(self, name: str, figure: "Figure") -> Drawing:
        study = self._study
        drawn = digest(study.content, drawing_code(), str(study.options.seed), self._title(""))
        fingerprints = (*study.provenance["model_fingerprints"], study.provenance["dataset_fingerprint"], drawn)
        smaller, larger, problems, content = (fingerprint[:16] for fingerprint in fingerprints)
        source = f"codi-harness: models {smaller} and {larger}, problems {problems}, content {content}"
        return saved(study.options.output, f"{self._folder}/{name}", figure, source)
