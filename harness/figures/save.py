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
    time or a version, so the same figure gives the same bytes. The pdf is written first, so that a new
    png never stands beside an old pdf. Returns the two paths, png and pdf.
    Errors: ``HarnessError`` when the folder cannot be written.
    """
    png, pdf = _files(path_without_suffix)
    with house_style():
        with replacing(pdf) as temporary:
            figure.savefig(
                temporary,
                format="pdf",
                dpi=DPI,
                metadata={"Creator": None, "Producer": None, "CreationDate": None, "Subject": description or None},
            )
        with replacing(png) as temporary:
            figure.savefig(
                temporary,
                format="png",
                dpi=DPI,
                metadata={"Software": None, **({"Description": description} if description else {})},
                pil_kwargs={"compress_level": 3},
            )
    return png, pdf


def is_current(path_without_suffix: Path, description: str) -> bool:
    """True when both files are there and the png carries ``description``.

    A description that holds a digest of everything the figure shows makes drawing it twice needless.
    """
    png, pdf = _files(path_without_suffix)
    try:
        with Image.open(png) as picture:
            return bool(picture.info.get("Description") == description) and pdf.is_file()
    except OSError:
        return False


def thumbnail(png_path: Path, width: int = 480) -> bytes:
    """The picture at ``width`` pixels as a small palette PNG, for embedding into a page.

    64 colours keep a grid of twenty patterns near 20 kB; an octree, unlike a median cut, leaves rare
    colours such as a thin threshold line alone. A picture that is narrower already keeps its size.
    """
    with Image.open(png_path) as picture:
        # Whole pixels are averaged first: what follows then costs a small part of reading the file.
        small = picture.reduce(max(1, picture.width // (2 * width))).convert("RGB")
    if small.width > width:
        height = max(1, round(small.height * width / small.width))
        small = small.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _files(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + ".png"), path.with_name(path.name + ".pdf")
