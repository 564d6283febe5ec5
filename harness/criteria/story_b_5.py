"""Story B.5: where attention goes when the first thought is blocked, and what thoughts read of the question's numbers."""

import json

import numpy as np

from harness.criteria.behaviour import FIRST, numbers_read_first
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import undefined

TOLERANCE = 1e-4


def redistributed(study: ModelStudy) -> Measurement:
    """How far the gains of the saved file are from the weight removed, by layer, head and query, and in any one problem."""
    own = study.inside_files
    path = own.attention
    if not own.as_written(path):
        return undefined(f"{path} is not as it was written")
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    removed, gained, predicted = (
        np.array(content[name], dtype=np.float64) for name in ("removed", "gained", "in_proportion")
    )
    gaps = [np.abs(one.sum(axis=-1) - removed).max() for one in (gained, predicted)]
    by_layer = np.array(content["by_layer"]["beyond_proportion"], dtype=np.float64)
    layer, key = np.unravel_index(np.abs(by_layer).argmax(), by_layer.shape)
    ends = [content["by_layer"][f"beyond_proportion_ci_{end}"][layer][key] for end in ("low", "high")]
    return Measurement(
        float(max(*gaps, content["largest_gap_of_one_query"])),
        n_problems=len(own.followed["weights"]),
        answer=f"Later positions gave CT{FIRST} {removed.mean():.3g} of their attention. Without it, farthest from growth in "
        f"proportion of all layers and classes of keys, layer {layer} gives {content['key_classes'][key]} "
        f"{by_layer[layer, key]:+.3g} [{ends[0]:.3g}, {ends[1]:.3g}] (picked after looking)",
        beside={
            "weight_removed_by_layer": removed.mean(axis=(1, 2)).tolist(),
            "largest_difference_from_proportion": float(np.abs(gained - predicted).max()),
        },
        artifacts=(*own.redistribution_figure, own.attention),
    )


CRITERIA = (
    Criterion(
        "B.5-redistribution",
        "acceptance",
        "Redistribution measured",
        "With CT0 blocked: what every later thought and EOT read more, by layer, head and class of key, and beside it what "
        "they would read more if the other weights grew in proportion. Largest difference of the sum of either from the "
        "weight that CT0 had, over layers, heads and queries in the saved file, and over problems too for what was measured.",
        Rule("<=", TOLERANCE),
        redistributed,
        rests_on=("B.1-readback",),
    ),
    hypothesis(
        "B.5-aggregation",
        "CT0 reads the question's numbers more than later thoughts do",
        "Attention on the question's number words, mean over layers and heads: that of CT0 less the mean of all later "
        "thoughts; lower end of the 95 % bootstrap interval over problems. A later thought has a longer context, so that "
        "reading all alike already favours CT0: that difference, and the one beyond it, stand beside. As controls other "
        "thoughts take its place, and every thought reads all its context alike.",
        Rule(">", 0),
        numbers_read_first(),
        shown=lambda study: (*study.inside_files.redistribution_figure, study.inside_files.attention),
        from_results=False,
    ),
)
