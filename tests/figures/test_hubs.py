import numpy as np
import pytest

from harness.figures.hubs import hub_figure
from harness.figures.inspect import facts


def _inputs(positions, seed=0):
    generator = np.random.default_rng(seed)

    def series(length):
        values = generator.uniform(0.5, 2.0, length)
        return values, np.stack([values * 0.9, values * 1.1])

    incoming, incoming_interval = series(positions)
    enrichment, _ = series(positions - 1)
    hub_enrichment, _ = series(positions - 2)
    adjusted = np.minimum(enrichment[:-1], hub_enrichment)
    adjusted_interval = np.stack([adjusted * 0.9, adjusted * 1.1])
    return {
        "incoming": incoming / 10,
        "incoming_interval": incoming_interval / 10,
        "causal_null": generator.uniform(0.01, 0.2, positions),
        "enrichment": enrichment,
        "hub_enrichment": hub_enrichment,
        "adjusted": adjusted,
        "adjusted_interval": adjusted_interval,
        "rows": np.tril(generator.uniform(0.01, 0.3, (positions, positions))),
    }


@pytest.mark.parametrize("positions", [3, 6, 12])
def test_hub_figure_names_the_causal_baseline_in_both_panels(positions):
    drawn = facts(hub_figure(**_inputs(positions)))
    received, ratios, pattern = drawn.panels
    assert (drawn.rows, drawn.columns) == (1, 3)
    assert {"incoming attention", "causality alone", "uniform (1/T)"} <= set(received.series)
    wanted = {"enrichment", "hub enrichment", "the smaller of the two", "causality alone (1.0)", "threshold (1.25)"}
    assert wanted <= set(ratios.series)
    assert received.xlabel == ratios.xlabel == f"Source Position (0-{positions - 1})"
    assert pattern.cells == positions * (positions + 1) // 2
    assert drawn.colour_bars == 1


def test_bars_have_the_heights_given_and_the_lines_stand_where_they_say():
    inputs = _inputs(6)
    figure = hub_figure(**inputs, threshold=1.4)
    received, ratios = figure.axes[:2]
    measured, null = received.containers
    assert [bar.get_height() for bar in measured] == pytest.approx(inputs["incoming"])
    assert [bar.get_height() for bar in null] == pytest.approx(inputs["causal_null"])
    levels = {line.get_label(): line.get_ydata()[0] for line in ratios.lines if line.get_linestyle() != "None"}
    assert levels == {"causality alone (1.0)": 1.0, "threshold (1.4)": 1.4}


def test_intervals_are_drawn_at_their_bounds():
    inputs = _inputs(6)
    received = hub_figure(**inputs).axes[0]
    (intervals,) = [lines.get_segments() for lines in received.collections]
    assert pytest.approx(inputs["incoming_interval"]) == np.asarray(intervals)[:, :, 1].T


def test_what_the_threshold_is_asked_of_is_drawn_with_its_interval():
    inputs = _inputs(6)
    ratios = hub_figure(**inputs).axes[1]
    points = {line.get_label(): line for line in ratios.lines}
    both = points["the smaller of the two"]
    assert both.get_ydata() == pytest.approx(np.minimum(inputs["enrichment"][:-1], inputs["hub_enrichment"]))
    (intervals,) = [lines.get_segments() for lines in ratios.collections]
    assert pytest.approx(inputs["adjusted_interval"]) == np.asarray(intervals)[:, :, 1].T


def test_undefined_ratios_are_marked_instead_of_drawn():
    inputs = _inputs(6)
    inputs["hub_enrichment"][1] = inputs["adjusted"][1] = np.nan
    ratios = hub_figure(**inputs).axes[1]
    points = {line.get_label(): np.round(line.get_xdata()).tolist() for line in ratios.lines}
    assert points["enrichment"] == [0, 1, 2, 3, 4]
    assert points["hub enrichment"] == points["the smaller of the two"] == [0, 2, 3]
    assert [text.get_text() for text in ratios.texts].count("n/a") == 3


def test_three_thoughts_without_any_hub_enrichment_can_be_drawn():
    inputs = _inputs(3)
    inputs["hub_enrichment"][:] = inputs["adjusted"][:] = np.nan
    assert "hub enrichment" in facts(hub_figure(**inputs)).panels[1].series


def test_nothing_drawn_leaves_the_axes():
    inputs = _inputs(6)
    inputs["causal_null"][0] = 3.0
    inputs["adjusted_interval"][1, 2] = 9.0
    received, ratios = hub_figure(**inputs).axes[:2]
    assert received.get_ylim()[1] > 3.0
    assert ratios.get_ylim()[1] > 9.0
