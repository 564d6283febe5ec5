"""Writing figures: a 300 DPI png and a pdf whose bytes depend on the figure alone, and small thumbnails."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from harness.figures.style import house_style
from harness.files import replacing

DPI = 300


def save_figure(figure: Figure, path_without_suffix: Path, description: str = "") -> tuple[Path, Path]:
    """Write ``figure`` as ``<path>.png`` (300 DPI) and ``<path>.pdf``, each atomically.

    ``description`` (say, where the numbers come from) is kept inside both files. Neither file holds a
    time or a version, so the same figure gives the same bytes. Returns the two paths.
    Errors: ``HarnessError`` when the folder cannot be written.
    """
    png = path_without_suffix.with_name(path_without_suffix.name + ".png")
    pdf = path_without_suffix.with_name(path_without_suffix.name + ".pdf")
    with house_style():
        with replacing(png) as temporary:
            figure.savefig(
                temporary,
                format="png",
                dpi=DPI,
                metadata={"Software": None, **({"Description": description} if description else {})},
                pil_kwargs={"compress_level": 4},
            )
        with replacing(pdf) as temporary:
            figure.savefig(
                temporary,
                format="pdf",
                dpi=DPI,
                metadata={"Creator": None, "Producer": None, "CreationDate": None, "Subject": description or None},
            )
    return png, pdf


def thumbnail(png_path: Path, width: int = 480) -> bytes:
    """The picture at ``width`` pixels as a small palette PNG, for embedding into a page.

    Line art and heatmaps need few colours: 64 keep a grid of twenty patterns below 40 kB. A picture
    that is narrower already keeps its size.
    """
    with Image.open(png_path) as picture:
        picture.draft("RGB", None)
        small = picture.convert("RGB")
    if small.width > width:
        height = max(1, round(small.height * width / small.width))
        small = small.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
