"""Story 2.2: which heads gather attention on one position."""

from harness.criteria.criterion import Criterion, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.rankings import ranked_by_hub
from harness.criteria.select import mean_of_top, smallest_of_top
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_2_1 import TOP
from harness.measures import bounds, concentration, hub_score

CRITERIA = (
    hypothesis(
        "2.2-top",
        "Top heads create hubs",
        "Smallest hub_score (population variance over keys of the column sums) among the 10 heads with the largest.",
        Rule(">", 0.2),
        smallest_of_top(hub_score, TOP, bounds.hub_score, "off-diagonal"),
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "2.2-position",
        "acceptance",
        "Each head's hub position is named",
        "heads_ranked_by_hub.csv: layer, head, hub_score, max_attention_position, max_attention_value, hub_score_share, "
        "hub_class; one row per head, descending; re-read and recomputed.",
        Rule("is", "valid"),
        ranked_by_hub,
        from_results=True,
    ),
    hypothesis(
        "2.2-concentration",
        "Top 10 heads concentrate on their hub",
        "Mean share of a head's attention to latents that falls on its hub position, over the 10 heads with the largest "
        "hub_score.",
        Rule(">", 0.5),
        mean_of_top(hub_score, TOP, bounds.concentration, "off-diagonal", of=concentration),
        rests_on=RAW_VALIDITY,
    ),
)
