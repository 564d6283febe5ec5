import io
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from harness.errors import HarnessError
from harness.figures.inspect import PngFacts, facts, png_facts
from harness.figures.layers import layers_grid
from harness.figures.save import is_current, save_figure, thumbnail
from harness.figures.style import house_style
from harness.figures.top_heads import top_heads_grid


@pytest.fixture
def figure(patterns):
    return layers_grid(patterns(1, 2, 6))


def test_a_figure_becomes_a_300_dpi_png_and_a_pdf(figure, tmp_path):
    png, pdf = save_figure(figure, tmp_path / "figures" / "1_top.heads")
    assert (png.name, pdf.name) == ("1_top.heads.png", "1_top.heads.pdf")
    width, height = figure.get_size_inches()
    assert png_facts(png) == PngFacts(int(width * 300), int(height * 300), 300)
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in png.parent.iterdir()) == [pdf.name, png.name]


def test_the_same_figure_gives_the_same_bytes_without_time_or_version(patterns, tmp_path):
    files = []
    for name in "ab":
        files.append(save_figure(layers_grid(patterns(1, 2, 6)), tmp_path / name, "from these numbers"))
    for first, second in zip(*files, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert b"CreationDate" not in first.read_bytes()
        assert matplotlib.__version__.encode() not in first.read_bytes()


def test_bytes_do_not_depend_on_the_process(tmp_path):
    script = (
        "import sys, numpy\nfrom pathlib import Path\n"
        "from harness.figures.layers import layers_grid\nfrom harness.figures.save import save_figure\n"
        "save_figure(layers_grid(numpy.tril(numpy.full((1, 1, 6, 6), 0.1))), Path(sys.argv[1]))"
    )
    for seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", script, str(tmp_path / seed)], check=True, env=environment)
    for suffix in (".png", ".pdf"):
        assert (tmp_path / f"1{suffix}").read_bytes() == (tmp_path / f"2{suffix}").read_bytes()


def test_a_user_s_own_matplotlib_settings_change_nothing(patterns, tmp_path):
    mean = patterns(1, 2, 6)
    plain, _ = save_figure(layers_grid(mean), tmp_path / "plain")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.bbox": "tight"}):
        odd, _ = save_figure(layers_grid(mean), tmp_path / "odd")
        assert matplotlib.rcParams["font.size"] == 20
    assert plain.read_bytes() == odd.read_bytes()


def test_the_house_style_is_left_behind_nowhere():
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["pdf.fonttype"] == 42
    assert dict(matplotlib.rcParams) == before


def test_a_figure_is_current_only_with_its_own_description_and_both_files(figure, tmp_path):
    path = tmp_path / "figure"
    assert not is_current(path, "digest 1")
    _, pdf = save_figure(figure, path, "digest 1")
    assert is_current(path, "digest 1")
    assert not is_current(path, "digest 2")
    pdf.unlink()
    assert not is_current(path, "digest 1")


def test_a_folder_that_cannot_be_written_is_named(figure, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(HarnessError, match="taken"):
        save_figure(figure, tmp_path / "taken" / "figure")


def test_a_thumbnail_of_the_fullest_grid_is_small(patterns, tmp_path):
    mean = patterns(4, 5, 6)
    heads = [(layer, head) for layer in range(4) for head in range(5)]
    png, _ = save_figure(top_heads_grid(mean, heads), tmp_path / "grid")
    data = thumbnail(png, width=480)
    assert len(data) < 40_000
    facts_of_full = png_facts(png)
    small = Image.open(io.BytesIO(data))
    assert small.size == (480, round(facts_of_full.height * 480 / facts_of_full.width))


def test_a_thumbnail_keeps_a_thin_line_s_own_colour(tmp_path):
    page = np.full((300, 960, 3), 255, np.uint8)
    page[:140] = np.asarray(colormaps["viridis"](np.linspace(0, 1, 960))[:, :3] * 255, np.uint8)
    page[220:222] = (213, 94, 0)
    Image.fromarray(page).save(tmp_path / "line.png")
    small = np.asarray(Image.open(io.BytesIO(thumbnail(tmp_path / "line.png", width=480))).convert("RGB"))
    assert np.abs(small[110].astype(int) - (213, 94, 0)).max() < 40


def test_a_narrow_picture_keeps_its_size(tmp_path):
    Image.new("RGB", (100, 40), "white").save(tmp_path / "narrow.png")
    assert Image.open(io.BytesIO(thumbnail(tmp_path / "narrow.png", width=480))).size == (100, 40)


def test_a_missing_or_broken_png_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    for name in ("missing.png", "broken.png"):
        with pytest.raises(HarnessError, match=name):
            png_facts(tmp_path / name)


def test_facts_of_an_empty_figure_are_empty():
    drawn = facts(Figure())
    assert (drawn.rows, drawn.columns, drawn.panels, drawn.colour_bars) == (0, 0, (), 0)


def test_the_package_alone_imports_no_matplotlib_and_its_modules_no_pyplot():
    modules = [path.stem for path in Path("harness/figures").glob("*.py") if path.stem != "__init__"]
    assert len(modules) >= 9
    script = (
        "import sys, importlib, harness.figures\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"for name in {modules}: importlib.import_module('harness.figures.' + name)\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
