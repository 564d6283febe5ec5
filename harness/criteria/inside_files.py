"""Where attention goes and how far states move when a thought is blocked: result files and figures, each written once."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.behaviour import FIRST
from harness.criteria.inside import FEWEST, Parting, Redistribution, parting, redistribution
from harness.criteria.sample import spread
from harness.criteria.split_files import SplitFiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]


class InsideFiles(SplitFiles):
    """Writes redistribution.json, divergence.json and a figure of each."""

    @property
    def positions(self) -> list[str]:
        """The thoughts, then EOT."""
        return [*(f"CT{place}" for place in range(self._study.n_latents)), "EOT"]

    @cached_property
    def redistribution(self) -> Redistribution:
        """Where the weight of the first thought goes."""
        return redistribution(self.followed["weights"], 1, FIRST, self._study.n_latents, self._study.options.seed)

    @cached_property
    def partings(self) -> list[Parting]:
        """Of every condition, how flipped problems part from the others."""
        trials = self._study.intervened.blocks()
        before = trials.of("right", "baseline")
        return [
            parting(
                np.asarray(self.followed["relative"][:, place, :, -1]), before, trials.of("right", name), trials.seed
            )
            for place, name in enumerate(self.blocked, start=1)
        ]

    @cached_property
    def attention(self) -> str:
        """redistribution.json: by layer, head, query and class of key what was removed, gained and predicted."""
        found = self.redistribution
        return self._json(
            "redistribution.json",
            {
                "blocked": f"CT{FIRST}",
                "queries": self.positions[FIRST + 1 :],
                "key_classes": list(found.classes),
                "axes": ["layer", "head", "query", "key class"],
                "removed": found.removed,
                "gained": found.gained,
                "in_proportion": found.predicted,
                "by_layer": {
                    "gained": found.gained.mean(axis=(1, 2)),
                    "gained_ci_low": found.interval[0],
                    "gained_ci_high": found.interval[1],
                    "beyond_proportion": (found.gained - found.predicted).mean(axis=(1, 2)),
                    "beyond_proportion_ci_low": found.beyond[0],
                    "beyond_proportion_ci_high": found.beyond[1],
                },
                "largest_gap_of_one_query": found.largest_gap,
            },
        )

    @cached_property
    def divergence(self) -> str:
        """divergence.json: distances from the baseline by position and depth, flipped problems beside the others."""
        conditions = {}
        for place, (name, part) in enumerate(zip(self.blocked, self.partings, strict=True), start=1):
            distances = {}
            for kind in ("cosine", "relative"):
                values = np.asarray(self.followed[kind][:, place], dtype=np.float64)
                low, high = spread(values, self._study.options.seed)
                distances[kind] = {"mean": values.mean(axis=0), "ci_low": low, "ci_high": high}
            conditions[name] = {
                **distances,
                "flipped": part.flipped,
                "flipped_ci": part.flipped_interval,
                "unflipped": part.unflipped,
                "unflipped_ci": part.unflipped_interval,
                "flipped_less_unflipped": part.difference,
                "flipped_less_unflipped_simultaneous_ci": part.difference_interval,
                "n_flipped": part.counts[0],
                "n_unflipped": part.counts[1],
                "part_at": None if part.at is None else self.positions[part.at],
            }
        return self._json(
            "divergence.json",
            {
                "positions": self.positions,
                "depths": ["input", *(f"after layer {layer}" for layer in range(self._study.n_layers))],
                "cosine": "1 less the cosine of the residual stream with the baseline's",
                "relative": "length of the difference from the baseline's residual stream over the length of the baseline's",
                "flipped": "right under the baseline and wrong under the condition, beside those that stay right; relative "
                "distance after the last layer",
                "conditions": conditions,
            },
        )

    @cached_property
    def redistribution_figure(self) -> tuple[str, str]:
        """Paths of figure redistribution."""
        return self._drawn("redistribution", self._redistribution)

    @cached_property
    def divergence_figure(self) -> tuple[str, str]:
        """Paths of figure divergence."""
        return self._drawn("divergence", self._divergence)

    def _redistribution(self) -> "Figure":
        from harness.figures.redistribution import redistribution_figure

        found = self.redistribution
        return redistribution_figure(
            removed=found.removed.mean(axis=1),
            gained=found.gained.mean(axis=1),
            predicted=found.predicted.mean(axis=1),
            by_head=(found.gained - found.predicted).mean(axis=2),
            classes=list(found.classes),
            interval=found.interval,
            title=self._title(f"where attention goes when CT{FIRST} is blocked"),
        )

    def _divergence(self) -> "Figure":
        from harness.figures.divergence import divergence_figure

        parts = self.partings
        means = {
            kind: np.asarray(self.followed[kind], dtype=np.float64).mean(axis=0)[1:] for kind in ("cosine", "relative")
        }
        return divergence_figure(
            **means,
            conditions=self.blocked,
            flipped=np.stack([one.flipped for one in parts]),
            unflipped=np.stack([one.unflipped for one in parts]),
            flipped_interval=np.stack([one.flipped_interval for one in parts], axis=1),
            unflipped_interval=np.stack([one.unflipped_interval for one in parts], axis=1),
            counts=np.array([one.counts for one in parts]),
            parts_at=[-1 if one.at is None else one.at for one in parts],
            fewest=FEWEST,
            title=self._title("how far paths part"),
        )
