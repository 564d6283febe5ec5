"""Story 2.3: heads through which the last latent reaches back to the first ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.rankings import ranked_by_skip
from harness.criteria.select import count_of_heads, mean_of_top, share_of_top
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_2_1 import TOP
from harness.measures import bounds, skip

Array = NDArray[Any]
SKIPPING = 0.3
LATE = 0.625


def _late(mean: Array) -> NDArray[np.bool_]:
    """[..., L, H]: whether a head lies in the later layers."""
    layers = mean.shape[-4]
    late = np.arange(layers) >= LATE * layers
    return np.broadcast_to(late[:, None], mean.shape[:-2])


CRITERIA = (
    hypothesis(
        "2.3-exists",
        "Skip connections exist",
        "Heads with skip > 0.3: mean weight of the last latent on latents 0, 1 and 2, at most 1/3.",
        Rule(">=", 1),
        count_of_heads(
            lambda mean: skip(mean) > SKIPPING,
            lambda L, H, T: bounds.skipping_heads(L, H, T, SKIPPING),
            "off-diagonal",
        ),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.3-random",
        "Top heads skip twice as much as random",
        "Mean skip of the 10 heads with the largest over 1/T, the weight of a latent when a row is spread over all T.",
        Rule(">=", 2),
        mean_of_top(lambda mean: mean.shape[-1] * skip(mean), TOP, bounds.skip_over_equal, "off-diagonal"),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.3-late",
        "Skip heads are in later layers",
        "Share of the 10 heads with the largest skip that lie in layers l >= 0.625 L.",
        Rule(">", 0.5),
        share_of_top(
            _late, TOP, lambda L, H, T: bounds.share_in_layers(L, H, T, TOP, LATE), "off-diagonal", score=skip
        ),
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "2.3-csv",
        "acceptance",
        "Every head is ranked by skip",
        "heads_ranked_by_skip.csv: layer, head, skip_score and the last latent's weights on latents 0, 1 and 2 "
        "(attention_5to0 to attention_5to2 with six); one row per head, descending; re-read and recomputed.",
        Rule("is", "valid"),
        ranked_by_skip,
        from_results=True,
    ),
)
