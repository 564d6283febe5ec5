"""Reading figures back: the text on them, laid out as in the saved file, and the ends of lines."""

import numpy as np

from harness.figures.save import DPI


def lay_out(figure):
    """Place everything as in the saved file: text is a little narrower there than at the screen's resolution."""
    figure.set_dpi(DPI)
    figure.draw_without_rendering()


def texts_of(figure):
    """Every text that is drawn."""
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes._left_title, axes._right_title, axes.xaxis.label, axes.yaxis.label]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            ticks = zip(axis.get_majorticklocs(), axis.get_major_ticks(), strict=True)
            texts += [label for place, tick in ticks if low <= place <= high for label in (tick.label1, tick.label2)]
    for legend in [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]:
        texts += legend.get_texts()
    return [text for text in texts if text.get_visible() and text.get_text()]


def assert_readable(figure):
    """No text meets another or leaves the page."""
    lay_out(figure)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(figure)]
    page = figure.bbox
    for name, box in boxes:
        assert box.x0 >= page.x0 and box.x1 <= page.x1 and box.y0 >= page.y0 and box.y1 <= page.y1, name
    left, low, right, high = np.array([box.extents for _, box in boxes]).reshape(-1, 4).T
    meets = (left[:, None] <= right) & (left <= right[:, None]) & (low[:, None] <= high) & (low <= high[:, None])
    assert not [(boxes[one][0], boxes[other][0]) for one, other in np.argwhere(np.triu(meets, 1))]


def lines(axes):
    """Points [n, 2] of each labelled line, by label."""
    return {
        line.get_label(): np.column_stack([line.get_xdata(), line.get_ydata()])
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def segments(collection):
    """Vertical or horizontal strokes as [n, 2, 2]: stroke, end, coordinate."""
    return np.asarray(collection.get_segments())
