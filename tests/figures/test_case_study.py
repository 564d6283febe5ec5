import numpy as np
import pytest
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import to_hex

from harness.figures.case_study import COLUMNS, Answer, case_study_figure
from harness.figures.patterns import COLOUR_BAR
from harness.figures.shaded_text import SHADE
from harness.figures.style import ACCENT
from harness.figures.text import in_house_font
from tests.figures.reading import assert_readable, lay_out, texts_of

ODD = (
    " 12",
    "\n",
    "$",
    " ",
    "中",
    "multiplication of everything",
    " $1,234$",
    "<|im_end|>",
    "",
    "\\frac{1}{2}",
    "م",
    "x_1^2",
)


def _inputs(thoughts=6, layers=4, seed=0, ranks=5):
    generator = np.random.default_rng(seed)
    positions = thoughts + 1
    classes = ["first token", "question numbers", "other question tokens", "bot"]
    classes += [f"CT{thought}" for thought in range(thoughts)]

    def lens():
        return [
            [(ODD[token], 0.9 / (rank + 1.5)) for rank, token in enumerate(generator.permutation(len(ODD))[:ranks])]
            for _ in range(positions)
        ]

    divergence = generator.uniform(0.01, 1, (positions, layers + 1))
    divergence[0] = 0
    return {
        "lens_baseline": lens(),
        "lens_blocked": lens(),
        "attention_baseline": generator.dirichlet(np.ones(len(classes)), positions),
        "attention_blocked": generator.dirichlet(np.ones(len(classes)), positions),
        "classes": classes,
        "divergence": divergence,
        "question": "Janet sells 16 duck eggs for $2 each. " * 23,
        "solution": "They cost 16 * 2 = <<16*2=32>>32 dollars.\nThat is all.\n#### 32",
        "answers": [
            Answer("baseline", "The answer is: 32", "CORRECT", "", -0.123),
            Answer("blocked CT0", "The answer is: 23", "CALC_ERROR", "16 x 2 = 23 (step 1: digits swapped)", -7.6543),
            Answer("blocked CT1", "The answer is: 31", "CALC_ERROR", "16 x 2 = 31 (step 1: off by 1)", -2.5),
            Answer("all blocked", "no answer at all", "NONSENSE", "no number in the text", -20.0),
        ],
    }


def _answering(text, evidence="", condition="blocked CT0"):
    baseline, _, *others = _inputs()["answers"]
    return [baseline, Answer(condition, text, "LOGIC_ERROR", evidence, -1.0), *others]


def _axes(figure):
    """The tables, the three maps of attention, and that of the distance."""
    return [axes for axes in figure.axes if axes.get_label() != COLOUR_BAR]


def _boxes(table, label):
    (found,) = [part for part in table.collections if part.get_label() == label]
    return found


def _words(axes):
    return [text.get_text() for text in axes.texts]


def _plain(tokens="abcde"):
    return [(token, 0.5 / (rank + 1)) for rank, token in enumerate(tokens)]


@pytest.mark.parametrize("thoughts", [2, 6, 12])
def test_every_token_stands_with_its_probability_and_is_shaded_by_it(thoughts):
    inputs = _inputs(thoughts)
    table = _axes(case_study_figure(**inputs))[0]
    for name, label in (("lens_baseline", "baseline"), ("lens_blocked", "condition")):
        probabilities = [probability for tokens in inputs[name] for _, probability in tokens]
        assert _boxes(table, label).get_facecolors() == pytest.approx(SHADE(probabilities))
    written = _words(table)
    everything = [one for name in ("lens_baseline", "lens_blocked") for tokens in inputs[name] for one in tokens]
    assert sorted(text for text in written if text.startswith("0.")) == sorted(
        f"{value:.2f}" for _, value in everything
    )
    assert [text for text in written if text.startswith(("CT", "EOT"))][: thoughts + 1] == [
        *(f"CT{thought}" for thought in range(thoughts)),
        "EOT",
    ]


def test_tokens_stand_where_their_position_and_rank_are():
    inputs = _inputs()
    inputs["lens_baseline"] = [_plain([f"{position}{rank}" for rank in "abcde"]) for position in range(7)]
    inputs["lens_blocked"] = [_plain([f"{position}{rank}" for rank in "fghij"]) for position in range(7)]
    table = _axes(case_study_figure(**inputs))[0]
    places = {text.get_text(): text.get_position() for text in table.texts}
    for position in range(7):
        across = {round(places[f"{position}{rank}"][0], 6) for rank in "abcdefghij"}
        assert across == {round(places["EOT" if position == 6 else f"CT{position}"][0], 6)}
        assert np.all(np.diff([places[f"{position}{rank}"][1] for rank in "abcdefghij"]) > 0)


def test_tokens_that_differ_from_the_baseline_are_bold_and_new_ones_framed():
    inputs = _inputs()
    inputs["lens_baseline"] = [_plain("abcde")] * 7
    inputs["lens_blocked"] = [_plain("abcde")] * 5 + [_plain("abced"), _plain("abXdY")]
    table = _axes(case_study_figure(**inputs))[0]
    bold = [text.get_text() for text in table.texts if text.get_weight() == "bold"]
    assert bold == ["e", "d", "X", "Y"]
    assert not len(_boxes(table, "new, baseline").get_paths())
    frames = _boxes(table, "new, condition")
    assert len(frames.get_paths()) == 2 and to_hex(frames.get_edgecolor()[0]) == ACCENT
    cells = _boxes(table, "condition").get_paths()
    for frame, cell in zip(frames.get_paths(), (cells[6 * 5 + 2], cells[6 * 5 + 4]), strict=True):
        assert frame.vertices == pytest.approx(cell.vertices)


def test_any_token_is_written_with_letters_that_the_font_has():
    figure = case_study_figure(**_inputs(12))
    for text in texts_of(figure):
        assert in_house_font(text.get_text()) == text.get_text()
    wide = _inputs(2)
    wide["lens_baseline"] = wide["lens_blocked"] = [[(token, 0.1) for token in ODD[:5]]] * 3
    written = _words(_axes(case_study_figure(**wide))[0])
    assert {"␣12", "\\n", "$", "␣", "\\u4e2d"} <= set(written)


@pytest.mark.parametrize("thoughts", [2, 6, 12])
def test_a_token_and_its_probability_stay_inside_their_cell(thoughts):
    inputs = _inputs(thoughts)
    figure = case_study_figure(**inputs)
    lay_out(figure)
    table = _axes(figure)[0]
    cells = [path for label in ("baseline", "condition") for path in _boxes(table, label).get_paths()]
    corners = [table.transData.transform(path.vertices) for path in cells]
    tokens = [text for text in table.texts if text.get_zorder() == 4]
    assert len(tokens) == 2 * len(cells)
    for index, text in enumerate(tokens):
        box, cell = text.get_window_extent(), corners[index // 2]
        slack = 0.012 * figure.dpi
        assert box.x0 >= cell[:, 0].min() - slack and box.x1 <= cell[:, 0].max() + slack
        assert (box.y0 + box.y1) / 2 == pytest.approx(cell[:4, 1].mean(), abs=0.05 * figure.dpi)


def test_attention_and_its_difference_are_cells_on_scales_that_say_so():
    inputs = _inputs()
    _, *maps, _ = _axes(case_study_figure(**inputs))
    before, after = inputs["attention_baseline"], inputs["attention_blocked"]
    meshes = [next(part for part in axes.collections if isinstance(part, QuadMesh)) for axes in maps]
    for mesh, expected in zip(meshes, (before, after, after - before), strict=True):
        assert np.asarray(mesh.get_array()) == pytest.approx(expected)
    assert meshes[0].get_clim() == meshes[1].get_clim()
    assert meshes[0].get_clim()[0] == 0
    low, high = meshes[2].get_clim()
    assert low == -high and high >= np.abs(after - before).max()
    for axes in maps:
        assert [text.get_text() for text in axes.get_xticklabels()] == inputs["classes"]
        assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_the_distance_is_drawn_by_position_and_depth_and_hatched_where_identical():
    inputs = _inputs()
    axes = _axes(case_study_figure(**inputs))[-1]
    (mesh,) = [part for part in axes.collections if isinstance(part, QuadMesh)]
    assert np.asarray(mesh.get_array())[:, 1:] == pytest.approx(inputs["divergence"][1:].T)
    (hatched,) = [part for part in axes.collections if isinstance(part, PolyCollection)]
    assert hatched.get_hatch() and len(hatched.get_paths()) == 5


def _table(figure):
    """Cells of the table of answers: by column, the words from the top."""
    lay_out(figure)
    heads = [next(text for text in figure.texts if text.get_text() == name) for name in COLUMNS]
    assert len({head.get_position()[1] for head in heads}) == 1
    end = next(text for text in figure.texts if text.get_text() == "What each position decodes to")
    below = [
        text for text in figure.texts if end.get_position()[1] < text.get_position()[1] < heads[0].get_position()[1]
    ]
    return {
        head.get_text(): [text for text in below if text.get_position()[0] == head.get_position()[0]] for head in heads
    }


def test_question_and_solution_are_written_in_full_the_solution_line_by_line():
    inputs = _inputs()
    figure = case_study_figure(**inputs)
    written = [text.get_text() for text in figure.texts]
    assert " ".join(inputs["question"].split()) in " ".join(written)
    place = written.index("Solution")
    assert written[place + 1 : place + 4] == inputs["solution"].split("\n")


def test_every_answer_stands_with_its_condition_class_evidence_and_probability():
    inputs = _inputs()
    columns = {name: [text.get_text() for text in cells] for name, cells in _table(case_study_figure(**inputs)).items()}
    answers = inputs["answers"]
    assert columns == {
        "Condition": [one.condition for one in answers],
        "Answer": [one.text for one in answers],
        "Class": [one.error_class for one in answers],
        "Evidence": [one.evidence for one in answers],
        "Gold answer's log p": ["−0.123", "−7.65", "−2.5", "−20"],
    }


def test_a_row_of_the_table_is_at_one_height_and_the_class_of_a_wrong_answer_in_colour():
    table = _table(case_study_figure(**_inputs()))
    heights = [[text.get_position()[1] for text in table[name]] for name in ("Condition", "Answer", "Class")]
    assert heights[0] == heights[1] == heights[2] and np.all(np.diff(heights[0]) < 0)
    assert [to_hex(text.get_color()) == ACCENT for text in table["Class"]] == [False, True, True, True]


def test_the_two_answers_that_are_compared_stand_in_full_and_others_in_one_line():
    long, why = "and then they have 32 of them " * 20, "16 x 2 = 31, " * 30
    inputs = {**_inputs(), "answers": _answering(long, why)}
    inputs["answers"][3] = Answer("all blocked", long, "NONSENSE", why, -1.0)
    figure = case_study_figure(**inputs)
    table = _table(figure)
    last = table["Condition"][3].get_position()[1]
    for column, words in (("Answer", long), ("Evidence", why)):
        above = [text.get_text() for text in table[column] if text.get_position()[1] > last]
        assert " ".join(words.split()) in " ".join(above)
        (below,) = [text.get_text() for text in table[column] if text.get_position()[1] <= last]
        assert below.endswith("…")
    assert_readable(figure)


def test_the_note_says_what_the_condition_is():
    figure = case_study_figure(**_inputs(), note="CT0 blocked: no later thought can read it.")
    assert "CT0 blocked: no later thought can read it." in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize(("thoughts", "layers"), [(2, 1), (6, 4), (12, 16)])
@pytest.mark.parametrize("answer", ["18", "", "x" * 1500, "中文 $3 and $4\n\n" * 20, "a \\ b _{2} ^ % # ~ & " * 40])
def test_text_is_readable(thoughts, layers, answer):
    inputs = {**_inputs(thoughts, layers), "solution": answer}
    inputs["answers"] = _answering(answer, answer, "a long $name$ of a condition " * 3)
    inputs["classes"][1] = "numbers that cost $5_ and $6 in the question"
    figure = case_study_figure(**inputs, title=f"case {answer[:100]} " * 2)
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 12.6


def test_a_problem_that_nothing_changes_is_drawn():
    inputs = _inputs()
    inputs["lens_blocked"], inputs["attention_blocked"] = inputs["lens_baseline"], inputs["attention_baseline"]
    inputs["divergence"] = np.zeros_like(inputs["divergence"])
    figure = case_study_figure(**inputs)
    assert_readable(figure)
    assert not [text for text in _axes(figure)[0].texts if text.get_weight() == "bold"]
