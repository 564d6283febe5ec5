"""The ablated heads as a result file and a figure, each written once."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness.criteria.causal import score_effect_relation
from harness.criteria.drawings import drawn_once
from harness.criteria.sample import RESAMPLES
from harness.files import digest, write_json
from harness.measures.importance import paired_drop
from harness.statistics import drawn_p, percentile_interval, resample_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.criteria.evidence import ModelStudy


class CausalFiles:
    """Writes what ablating heads gave; paths are relative to the output folder."""

    def __init__(self, study: "ModelStudy"):
        self._study = study

    @property
    def all(self) -> tuple[str, ...]:
        """Figure and file."""
        return (*self.figure, self.results)

    @cached_property
    def results(self) -> str:
        """causal_heads.json: accuracy lost without the chosen heads, without each random set, and without each head alone."""
        study, trials = self._study, self._study.intervened.heads()
        plan = study.intervened.heads_plan()
        heads = study.n_heads
        low, high = self._effect_interval
        effect = paired_drop(trials.baseline, trials.single).mean(axis=0)
        relation, ends = score_effect_relation(trials)
        relative = f"results/{study.name}/causal_heads.json"
        write_json(
            study.absolute(relative),
            {
                "model": study.name,
                "n_problems": len(trials),
                "baseline_accuracy": trials.baseline.mean(),
                "heads": [list(divmod(place, heads)) for place in trials.chosen],
                "ranked_on": list(study.intervened.problems("second").ids),
                "matched_by_layer": trials.layered,
                "random_sets": [list(map(list, one)) for one in plan.others],
                "accuracy_lost": {
                    fill: {"chosen": drop[0], "random": drop[1:], "p": drawn_p(float(drop[0]), drop[1:])}
                    for fill, drop in self._lost.items()
                },
                "single_heads": [
                    {
                        "layer": place // heads,
                        "head": place % heads,
                        "composite_score": trials.composite[place],
                        "accuracy_lost": effect[place],
                        "accuracy_lost_ci_low": low[place],
                        "accuracy_lost_ci_high": high[place],
                    }
                    for place in range(len(effect))
                ],
                "rank_correlation_of_score_and_effect": {"value": relation, "ci_low": ends[0], "ci_high": ends[1]},
                "provenance": study.provenance,
            },
        )
        return relative

    @cached_property
    def figure(self) -> tuple[str, str]:
        """causal_heads."""
        study = self._study
        composite = study.intervened.heads().composite.tobytes()
        content = digest(study.intervened.heads_key(), composite, study.problems.name)
        return drawn_once(study.options.output, f"figures/{study.name}/causal_heads", self._draw, content)

    def _draw(self) -> "Figure":
        from harness.figures.causal_heads import causal_heads_figure

        study, trials = self._study, self._study.intervened.heads()
        relation, ends = score_effect_relation(trials)
        places = np.arange(len(trials.composite))
        return causal_heads_figure(
            random={fill: drop[1:] for fill, drop in self._lost.items()},
            chosen={fill: float(drop[0]) for fill, drop in self._lost.items()},
            p={fill: drawn_p(float(drop[0]), drop[1:]) for fill, drop in self._lost.items()},
            composite=trials.composite,
            effect=paired_drop(trials.baseline, trials.single).mean(axis=0),
            effect_interval=self._effect_interval,
            top=np.isin(places, trials.chosen),
            relation=relation,
            relation_interval=ends,
            k=len(trials.chosen),
            title=f"{study.name}, {study.problems.name}, N={len(trials)}: do the top heads matter?",
        )

    @property
    def _lost(self) -> dict[str, np.ndarray]:
        trials = self._study.intervened.heads()
        return {fill: paired_drop(trials.baseline, right).mean(axis=0) for fill, right in trials.sets.items()}

    @cached_property
    def _effect_interval(self) -> np.ndarray:
        trials = self._study.intervened.heads()
        effects = paired_drop(trials.baseline, trials.single)
        return np.stack(percentile_interval(resample_weights(len(effects), RESAMPLES, trials.seed) @ effects))
