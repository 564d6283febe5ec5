from itertools import pairwise

import numpy as np
import pytest

from harness.figures.comparison import (
    HubBars,
    LayerLines,
    TopHeads,
    comparison_critical_heads,
    comparison_flow,
    comparison_hubs,
)
from harness.figures.inspect import facts


def _bars(name, positions, seed):
    generator = np.random.default_rng(seed)

    def series(length):
        values = generator.uniform(0.5, 2.0, length)
        return values, np.stack([values * 0.9, values * 1.1])

    received, adjusted = series(positions), series(positions - 2)
    return HubBars(name, *received, generator.uniform(0.1, 0.3, positions), *adjusted)


def _lines(name, layers, seed):
    mean = np.random.default_rng(seed).uniform(0.2, 0.8, layers)
    return LayerLines(name, {"flow": (mean, np.stack([mean - 0.1, mean + 0.1]))})


@pytest.mark.parametrize("positions", [5, 6, 12])
def test_hub_bars_of_both_models_stand_beside_what_causality_gives(positions):
    models = [_bars("small", positions, 0), _bars("large", positions, 1)]
    figure = comparison_hubs(models)
    received, ratios = facts(figure).panels
    assert {"small", "large", "causality alone"} <= set(received.series)
    assert {"small", "large", "causality alone (1.0)", "threshold (1.25)"} <= set(ratios.series)
    assert received.xlabel == f"Source Position (0-{positions - 1})"
    assert ratios.xlabel == f"Source Position (0-{positions - 3})"
    for axes, values in zip(figure.axes, ("incoming", "adjusted"), strict=True):
        for model, bars in zip(models, axes.containers, strict=True):
            assert [bar.get_height() for bar in bars] == pytest.approx(getattr(model, values))
    dashes = [lines for lines in figure.axes[0].collections if np.ptp(lines.get_segments()[0][:, 1]) == 0]
    for model, lines in zip(models, dashes, strict=True):
        assert [segment[0, 1] for segment in lines.get_segments()] == pytest.approx(model.causal_null)


def test_no_bar_hides_another_or_the_key():
    figure = comparison_hubs([_bars("small", 6, 0), _bars("large", 6, 1)])
    figure.draw_without_rendering()
    for axes in figure.axes:
        spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bars in axes.containers for bar in bars)
        assert all(end < start for (_, end), (start, _) in pairwise(spans))
        key = axes.get_legend().get_window_extent()
        assert not any(bar.get_window_extent().overlaps(key) for bars in axes.containers for bar in bars)


def test_layers_of_models_of_different_depth_share_one_axis():
    figure = comparison_flow([_lines("small", 4, 0), _lines("large", 16, 1)], {"flow": 0.59})
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["small"].get_xdata() == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert lines["large"].get_xdata()[[0, -1]] == pytest.approx([1 / 32, 31 / 32])
    assert set(lines["read evenly"].get_ydata()) == {0.59}
    assert lines["small"].get_ydata() == pytest.approx(_lines("small", 4, 0).scores["flow"][0])


@pytest.mark.parametrize("counts", [(5, 5), (5, 2), (1, 3)])
def test_each_model_has_its_row_of_heads_under_its_name(counts, patterns):
    models = [
        TopHeads(name, patterns(1, count, 6)[0], [f"{name} {k}" for k in range(count)])
        for name, count in zip(("small", "large"), counts, strict=True)
    ]
    drawn = facts(comparison_critical_heads(models))
    assert (drawn.rows, drawn.columns) == (2, max(counts))
    shown = [(panel.row, panel.title) for panel in drawn.panels if not panel.empty]
    assert shown == [(row, title) for row, model in enumerate(models) for title in model.titles]
    assert {"small", "large"} <= set(drawn.texts)
    assert drawn.colour_scales == ((0.0, 1.0),)
