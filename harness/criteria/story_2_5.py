"""Story 2.5: the most critical heads drawn, why they are critical, and whether they look it."""

import re
from math import isnan, nan
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.critical import SCORES
from harness.criteria.declare import hypothesis
from harness.criteria.drawings import DETAILED, Drawing
from harness.criteria.evidence import ModelStudy
from harness.criteria.rankings import Row, judged, read_rows
from harness.criteria.select import share_of_top
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_1_4 import AS_SPECIFIED, _as_specified
from harness.criteria.tested import top_heads_apart, types_apart
from harness.measures import bounds, composite_score, matches_type

Array = NDArray[Any]

TOP = 12

NUMBER = r"(-?\d+\.\d{4}|nan)"
WHY = re.compile(
    rf"Functional type of L(\d+)H(\d+): ([\w\- ]+)\. "
    rf"On the model's scale from 0 to 1 it has flow {NUMBER}, hub {NUMBER} and skip {NUMBER}\. "
    rf"Largest measure: (\w+) score {NUMBER}, rank (\d+) of (\d+) heads\. "
    rf"The model's heads range from {NUMBER} to {NUMBER} with a median of {NUMBER}\. "
    rf"Composite score {NUMBER} \[{NUMBER}, {NUMBER}\], rank (\d+) of (\d+); "
    rf"among the first three in {NUMBER} of the resamples\."
)


def grid(study: ModelStudy) -> Measurement:
    """The grid of the top 12 heads, held against its specification and the saved ranking."""
    from harness.figures.style import TYPE_COLOURS

    drawn = study.figures.critical_heads()
    rows = read_rows(study, study.files.ranked_heads())[:TOP]
    filled = [panel for panel in drawn.facts.panels if not panel.empty]
    titles = [
        f"L{row['layer']}H{row['head']}: {row['functional_type']} (score={_number(row, 'composite_score'):.2f})"
        for row in rows
    ]
    wrong = {
        "grid": (drawn.facts.rows, drawn.facts.columns) != (3, 4),
        "panels": len(drawn.facts.panels) != TOP or len(filled) != len(rows),
        "titles": [panel.title for panel in filled] != titles,
        "borders": [panel.border for panel in filled] != [TYPE_COLOURS[row["functional_type"]] for row in rows],
        "legend": drawn.facts.legend != TYPE_COLOURS,
        "resolution": drawn.png.dpi != 300,
    }
    return _as_specified(wrong, drawn.paths)


def details(study: ModelStudy) -> Measurement:
    """Number of detail figures that are on disk and show what they should."""
    drawings = study.figures.details()
    rows = read_rows(study, study.files.ranked_heads())[:DETAILED]
    names = [f"5_critical_head_detail_L{row['layer']}H{row['head']}.png" for row in rows]
    folder = study.absolute(f"figures/{study.name}")
    wrong = [] if sorted(path.name for path in folder.glob("5_*.png")) == sorted(names) else ["the files"]
    for row, drawn in zip(rows, drawings, strict=True):
        layer, head = int(row["layer"]), int(row["head"])
        differs = _wrong_detail(drawn, study.sample.mean[layer, head])
        wrong += [f"{what} of L{layer}H{head}" for what, bad in differs.items() if bad]
    paths = tuple(path for drawn in drawings for path in drawn.paths)
    return Measurement(f"{len(names)} files" if not wrong else f"wrong: {', '.join(wrong)}", artifacts=paths)


def _wrong_detail(drawn: Drawing, weights: Array) -> dict[str, bool]:
    latents = len(weights)
    bars = {label: values for panel in drawn.facts.panels for label, values in panel.bars.items()}
    expected = {
        "received": [sum(weights[i, j] for i in range(j, latents)) for j in range(latents)],
        "causality alone": [sum(sum(weights[i, : i + 1]) / (i + 1) for i in range(j, latents)) for j in range(latents)],
        "to earlier thoughts": [sum(weights[i, :i]) for i in range(latents)],
        "to itself": [weights[i, i] for i in range(latents)],
    }
    cells = {(i, j): f"{weights[i, j]:.2f}" for i in range(latents) for j in range(i + 1)}
    return {
        "annotated cells": [panel.annotations for panel in drawn.facts.panels if panel.cells] != [cells],
        "bars": bars.keys() != expected.keys()
        or not all(np.allclose(bars[label], values) for label, values in expected.items()),
        "resolution": drawn.png.dpi != 300,
    }


def why(study: ModelStudy) -> Measurement:
    """Every detail figure's caption and marks, looked up in the saved ranking."""
    drawings = study.figures.details()
    rows = read_rows(study, study.files.ranked_heads())
    wrong = []
    for rank, drawn in enumerate(drawings):
        name = f"L{rows[rank]['layer']}H{rows[rank]['head']}"
        captions = [found for text in drawn.facts.texts if (found := WHY.fullmatch(" ".join(text.split())))]
        if [found.groups() for found in captions] != [_reasons(rows, rank)]:
            wrong.append(f"the caption of {name}")
        titles = {f"{score.capitalize()} score {_number(rows[rank], f'{score}_score'):.4f}" for score in SCORES}
        if not titles <= {panel.title for panel in drawn.facts.panels}:
            wrong.append(f"the scores of {name}")
        if [panel.outlined for panel in drawn.facts.panels if panel.cells] != [_marks(study, rows[rank])]:
            wrong.append(f"the marked cells of {name}")
    return judged(wrong, tuple(path for drawn in drawings for path in drawn.paths))


def _reasons(rows: list[Row], rank: int) -> tuple[str, ...]:
    """What a caption must say of the head on this rank, in the order in which it says it."""
    row = rows[rank]
    scaled = {score: _scaled(rows, row, f"{score}_score") for score in SCORES}
    largest = max(SCORES, key=lambda score: (scaled[score], -SCORES.index(score)))
    own = _number(row, f"{largest}_score")
    values = sorted(value for other in rows if not isnan(value := _number(other, f"{largest}_score")))
    spread = (values[0], values[-1], median(values)) if values else (nan, nan, nan)
    composite = [_number(row, f"composite_{column}") for column in ("score", "ci_low", "ci_high")]
    return (
        row["layer"],
        row["head"],
        row["functional_type"],
        *(f"{scaled[score]:.4f}" for score in SCORES),
        largest,
        f"{own:.4f}",
        str(1 + sum(value > own for value in values)),
        str(len(rows)),
        *(f"{value:.4f}" for value in (*spread, *composite)),
        str(rank + 1),
        str(len(rows)),
        f"{_number(row, 'top3_frequency'):.4f}",
    )


def _scaled(rows: list[Row], row: Row, column: str) -> float:
    """A score on the scale from 0, the model's smallest, to 1; 0 where it is not defined or all are equal."""
    values = [value for other in rows if not isnan(value := _number(other, column))]
    own = _number(row, column)
    if isnan(own) or max(values) - min(values) <= 1e-9 * max(1.0, abs(max(values))):
        return 0.0
    return (own - min(values)) / (max(values) - min(values))


def _marks(study: ModelStudy, row: Row) -> dict[str, tuple[tuple[int, int], ...]]:
    """The cells of the hub, the column that gathers most attention, and those of the skip connection."""
    weights = study.sample.mean[int(row["layer"]), int(row["head"])]
    latents = len(weights)
    hub = max(range(latents), key=lambda j: (sum(weights[i, j] for i in range(j, latents)), -j))
    return {
        f"hub: CT{hub}": tuple((query, hub) for query in range(hub, latents)),
        "skip": tuple((latents - 1, key) for key in range(3)),
    }


def _number(row: Row, column: str) -> float:
    return float(row[column] or nan)


CRITERIA = (
    Criterion(
        "2.5-grid",
        "acceptance",
        "Grid of the top 12 heads",
        "4_top_heads_visualization: 3 x 4 panels (empty panels stay empty), 300 DPI, the 12 heads with the largest "
        "composite_score, titles L{l}H{h}: {type} (score={composite:.2f}), frames red, blue, green, purple or grey for "
        "Forward Flow, Hub Aggregator, Skip Connection, Multi-Purpose or None, as the legend says; held against "
        "ranked_heads.csv.",
        Rule("is", AS_SPECIFIED),
        grid,
        from_results=True,
    ),
    Criterion(
        "2.5-details",
        "acceptance",
        "Detail figures of the top 3",
        "5_critical_head_detail_L{l}H{h}, of the 3 heads with the largest composite_score: a large heatmap with every causal "
        "cell's weight written in it, bars of incoming and of outgoing attention, 300 DPI; no such file of another head.",
        Rule("is", f"{DETAILED} files"),
        details,
        from_results=True,
    ),
    Criterion(
        "2.5-why",
        "acceptance",
        "Each detail figure says why the head is critical",
        "The caption gives the functional type, the largest of the three scores on the model's scale and how the other heads "
        "score; the cells of hub and skip are outlined; every number equals the one in ranked_heads.csv or follows from it.",
        Rule("is", "valid"),
        why,
    ),
    hypothesis(
        "2.5-distinct",
        "Top heads look different from random heads",
        "Mean distance (total variation of row-normalised patterns, rows 1..T-1) between the top 12 heads by composite_score "
        "and all others, minus the mean distance among the others. p: the share of 1,000 draws of the shuffled control, each "
        "with its own scores and top 12, that reach this difference. It tells structure from none: heads that each have a "
        "pattern of their own pass too. The draws are the control as well; one in twenty of them passes by construction.",
        Rule("<", 0.05),
        top_heads_apart(TOP),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.5-specialised",
        "Types look different",
        "Mean distance between heads of different functional types minus mean distance between heads of one type, over the "
        "top 12 by composite_score that have a type. p: types permuted over these heads, 9,999 times or in every distinct "
        "way. Draws of the control use 249 permutations each.",
        Rule("<", 0.05),
        types_apart(TOP),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.5-types",
        "Patterns match their types",
        "Share of the top 12 heads by composite_score whose type's own score (flow, hub or skip) is above the model's 90th "
        "percentile of that score; Multi-Purpose needs two of the three above theirs, None never counts.",
        Rule(">=", 0.75),
        share_of_top(matches_type, TOP, lambda L, H, T: bounds.matching_types(L, H, T, TOP), score=composite_score),
        rests_on=RAW_VALIDITY,
    ),
)
