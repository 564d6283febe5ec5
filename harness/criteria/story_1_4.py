"""Story 1.4: the heatmaps, drawn as specified, and what the eye is said to see in them."""

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.select import count_of_top, of_top_heads, share_of_top
from harness.criteria.story_1_2 import HIGH, RAW_VALIDITY
from harness.criteria.story_1_3 import TOP
from harness.criteria.tested import layers_differ
from harness.measures import block_distance, bounds, column_share, head_max, mean_pairwise_distance, top_k

BLOCKY = 0.15
HUB_SHARE = 0.5
AS_SPECIFIED = "drawn as specified"


def top_heads_grid(study: ModelStudy) -> Measurement:
    """The grid of the top 20 heads, held against its specification."""
    drawn = study.figures.top_heads()
    latents = study.n_latents
    mean = study.sample.mean
    largest = head_max(mean)
    heads = [divmod(int(head), study.n_heads) for head in top_k(largest, TOP)]
    titles = [f"L{layer}H{head} (max={largest[layer, head]:.2f})" for layer, head in heads]
    axes = {f"Source Position (0-{latents - 1})"}, {f"Destination Position (0-{latents - 1})"}
    filled = [panel for panel in drawn.facts.panels if not panel.empty]
    wrong = {
        "grid": (drawn.facts.rows, drawn.facts.columns) != (4, 5),
        "panels": len(drawn.facts.panels) != TOP or len(filled) != min(TOP, largest.size),
        "titles": [panel.title for panel in filled] != titles,
        "x axis": {panel.xlabel for panel in filled} != axes[0],
        "y axis": {panel.ylabel for panel in filled} != axes[1],
        "colour scale": drawn.facts.colour_scales != ((0.0, 1.0),) or drawn.facts.colour_bars != 1,
        "resolution": drawn.png.dpi != 300,
    }
    return _as_specified(wrong, drawn.paths)


def layer_heatmaps(study: ModelStudy) -> Measurement:
    """One aggregate heatmap per layer."""
    drawn = study.figures.layers()
    filled = [panel for panel in drawn.facts.panels if not panel.empty]
    wrong = {
        "layers": len(filled) != study.n_layers,
        "titles": not all(panel.title.startswith(f"Layer {layer} (") for layer, panel in enumerate(filled)),
        "resolution": drawn.png.dpi != 300,
    }
    return _as_specified(wrong, drawn.paths)


def _as_specified(wrong: dict[str, bool], paths: tuple[str, ...]) -> Measurement:
    found = [name for name, bad in wrong.items() if bad]
    return Measurement(AS_SPECIFIED if not found else f"differs in {', '.join(found)}", artifacts=paths)


CRITERIA = (
    Criterion(
        "1.4-grid",
        "acceptance",
        "Heatmap grid of the top 20 heads",
        "1_top_heads_attention: 4 x 5 panels (empty panels stay empty), 300 DPI, one colour scale from 0 to 1, axes 'Source "
        "Position (0-5)' and 'Destination Position (0-5)', titles L{l}H{h} (max={m:.2f}).",
        Rule("is", AS_SPECIFIED),
        top_heads_grid,
        from_results=True,
    ),
    Criterion(
        "1.4-layers",
        "acceptance",
        "Aggregate heatmap per layer",
        "2_attention_by_layer: the mean pattern over heads of every layer.",
        Rule("is", AS_SPECIFIED),
        layer_heatmaps,
        from_results=True,
    ),
    hypothesis(
        "1.4-squint",
        "Structure is visible from a distance",
        "Share of the top 20 heads (by head_max) whose row-normalised pattern, summed over 2 x 2 blocks and halved, differs "
        "from the causal uniform treated alike by a mean total variation over block rows 1 and 2 of at least 0.15.",
        Rule(">=", 0.5),
        share_of_top(lambda mean: block_distance(mean) >= BLOCKY, TOP, lambda L, H, T: (0.0, 1.0)),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.4-different",
        "Heads do different things",
        "Mean pairwise distance (total variation of row-normalised patterns, rows 1..T-1) among the top 20 heads.",
        Rule(">", 0.1),
        of_top_heads(mean_pairwise_distance, TOP, lambda L, H, T: bounds.mean_pairwise_distance(L, H, T, TOP)),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.4-bright",
        "Bright cells are visible",
        "Share of the top 20 heatmaps with a causal cell above 0.4.",
        Rule(">=", 0.5),
        share_of_top(lambda mean: head_max(mean) > HIGH, TOP, lambda L, H, T: bounds.share_of_heads(L, H, T, HIGH)),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.4-hub-visible",
        "At least one head shows an obvious hub",
        "Heads among the top 20 with one column that holds at least half of the head's attention to latents.",
        Rule(">=", 1),
        count_of_top(
            lambda mean: column_share(mean).max(axis=-1) >= HUB_SHARE,
            TOP,
            lambda L, H, T: bounds.hub_visible(L, H, T, TOP, HUB_SHARE),
            shuffle="off-diagonal",
        ),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.4-layers-differ",
        "Early, middle and late layers differ",
        "Largest distance between the mean patterns of early, middle and late layers (floor(3 l / L)); p by permuting heads "
        "over layers. Draws of the control use 249 permutations each.",
        Rule("<", 0.05),
        layers_differ(),
        rests_on=RAW_VALIDITY,
    ),
)
