"""Small figures as SVG text that a page can embed: it follows the page's ink and repeats byte for byte."""

import io
import re
from xml.sax.saxutils import quoteattr

from matplotlib.figure import Figure

from harness.figures.style import INK, house_style

_IDENTIFIER = re.compile(r' id="([^"]+)"')
_VIEW = re.compile(r'viewBox="[^"]+"')
# Inside a page this sheet would style every other element too; its two properties move to the root.
_STYLES = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_FONT = re.compile(r"font: ((?:\w+ )*)([\d.]+)px [^;\"]+")


def svg(figure: Figure, name: str) -> str:
    """``figure`` as one ``<svg>`` element without header or metadata.

    Ink is ``currentColor`` and the background transparent, so that it suits light and dark pages. Text
    stays text, in the page's own font. Ids start with ``name``, which must be unique within the page.
    The figure's label becomes its accessible description.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    opaque = figure.patch.get_visible()
    figure.patch.set_visible(False)
    try:
        with house_style():
            figure.savefig(buffer, format="svg", metadata=nothing)
    finally:
        figure.patch.set_visible(opaque)
    text = buffer.getvalue()
    head, body = text[text.index("<svg") :].split(">", 1)
    view = _VIEW.search(head)
    assert view is not None
    body = _STYLES.sub("", body, count=1).replace(INK, "currentColor").replace("xlink:href", "href")
    body = _keep_used_ids(_FONT.sub(r"font: \1\2px system-ui, sans-serif", body), name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {view.group()} role="img" '
        f"aria-label={quoteattr(str(figure.get_label()))} "
        f'style="stroke-linejoin: round; stroke-linecap: butt">{_compact(body)}'
    )


def _keep_used_ids(text: str, name: str) -> str:
    used = {identifier for identifier in _IDENTIFIER.findall(text) if f"#{identifier}" in text}
    text = _IDENTIFIER.sub(lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    for identifier in used:
        text = text.replace(f'"#{identifier}"', f'"#{name}-{identifier}"')
        text = text.replace(f"url(#{identifier})", f"url(#{name}-{identifier})")
    return text


def _compact(body: str) -> str:
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", body).strip()
