import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle

from harness.figures.importance_cells import GAINED, LOST, SAME, importance_heatmap
from harness.figures.inspect import facts
from tests.figures.reading import assert_readable

TITLES = ["short", "a rather long name of a model and its data " * 8]


def _planted_problems(n=100, positions=6, seed=0):
    generator = np.random.default_rng(seed)
    right = generator.random(n) < 0.75
    change = (generator.random((n, positions)) < 0.2).astype(int)
    return {
        "drop": np.where(right[:, None], change, -change),
        "baseline_right": right,
        "difficulty": np.arange(n) % 5 + 2,
    }


def _blocks(axes):
    return {
        mesh.get_label(): np.ma.getdata(mesh.get_array()) for mesh in axes.collections if isinstance(mesh, QuadMesh)
    }


@pytest.mark.parametrize(("n", "positions"), [(100, 6), (10, 6), (10, 3), (100, 12)])
def test_every_problem_has_a_row_in_the_panel_of_its_difficulty(n, positions):
    inputs = _planted_problems(n, positions)
    figure = importance_heatmap(**inputs)
    levels = np.minimum(inputs["difficulty"], 5)
    assert len(figure.axes) == len(set(levels))
    for axes, level in zip(figure.axes, sorted(set(levels)), strict=True):
        of_level = levels == level
        right, blocks = inputs["baseline_right"][of_level], _blocks(axes)
        for name, these in (("solved by the baseline", right), ("not solved by the baseline", ~right)):
            rows = inputs["drop"][of_level][these]
            shown = blocks.get(name, np.empty((0, positions)))
            assert sorted(map(tuple, shown.tolist())) == sorted(map(tuple, rows.tolist()))
            changes = np.abs(shown).sum(axis=1)
            assert (np.diff(changes) <= 0).all()


def test_lost_unchanged_and_gained_cells_have_their_colours_and_the_unsolved_stand_below_on_hatching():
    figure = importance_heatmap(**_planted_problems())
    for axes in figure.axes:
        solved, unsolved = (mesh for mesh in axes.collections if isinstance(mesh, QuadMesh))
        assert [to_hex(colour) for colour in solved.to_rgba([0, 1])] == [SAME, LOST]
        assert to_hex(unsolved.to_rgba([-1])[0]) == GAINED and unsolved.to_rgba([0])[0, 3] == 0
        lowest, highest = solved.get_coordinates()[..., 1].max(), unsolved.get_coordinates()[..., 1].min()
        assert highest > lowest
        (hatched,) = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
        assert hatched.get_y() == pytest.approx(highest)
        assert hatched.get_y() + hatched.get_height() == pytest.approx(unsolved.get_coordinates()[..., 1].max())
        assert max(axes.get_ylim()) >= unsolved.get_coordinates()[..., 1].max() - 1e-9


def test_lost_unchanged_and_gained_differ_without_colour_too():
    assert np.ptp([np.dot(to_rgba(colour)[:3], (0.2126, 0.7152, 0.0722)) for colour in (LOST, SAME)]) > 0.3
    assert np.ptp([np.dot(to_rgba(colour)[:3], (0.2126, 0.7152, 0.0722)) for colour in (GAINED, "white")]) > 0.3


@pytest.mark.parametrize(("n", "positions"), [(100, 6), (10, 3)])
def test_lost_and_gained_problems_are_counted_above_their_columns(n, positions):
    inputs = _planted_problems(n, positions)
    levels = np.minimum(inputs["difficulty"], 5)
    for axes, level in zip(importance_heatmap(**inputs).axes, sorted(set(levels)), strict=True):
        for sign, colour in ((1, LOST), (-1, GAINED)):
            counts = {
                int(text.xy[0]): text.get_text()
                for text in axes.texts
                if hasattr(text, "xy") and text.get_color() == colour
            }
            expected = (inputs["drop"][levels == level] == sign).sum(axis=0)
            assert counts == {position: str(count) for position, count in enumerate(expected)}
        right = inputs["baseline_right"][levels == level]
        name = f"{level}{'+' if level == 5 else ''} steps"
        assert axes.get_title(loc="left") == f"{name}: {right.sum()} of {right.size} solved"


@pytest.mark.parametrize(
    ("n", "positions", "of_rights"),
    [(100, 6, 0.75), (10, 3, 0.5), (100, 12, 0.75), (10, 6, 0.0), (10, 6, 1.0), (4, 3, 0.5)],
)
@pytest.mark.parametrize("title", TITLES)
def test_text_of_the_heatmap_is_readable(n, positions, of_rights, title):
    inputs = _planted_problems(n, positions)
    inputs["baseline_right"] = np.arange(n) < of_rights * n
    figure = importance_heatmap(**inputs, title=title)
    assert_readable(figure)
    assert facts(figure).panels[0].xlabel == f"Ablated Position (0-{positions - 1})"


def test_a_hundred_problems_of_one_difficulty_fit():
    inputs = _planted_problems(100)
    inputs["difficulty"][:] = 1
    figure = importance_heatmap(**inputs)
    assert_readable(figure)
    assert figure.axes[0].get_title(loc="left").startswith("1 step: ")
    assert figure.get_figheight() < 9
