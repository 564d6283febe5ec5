"""Runs a notebook's cells without a kernel. ``python -m tests.documents.notebook`` writes what they give into the notebook."""

import ast
import base64
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


def read() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return content


def outputs(cells: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What each code cell shows: printed text, the value of its last expression, and a figure if it drew one."""
    import matplotlib

    matplotlib.use("agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(tree, f"cell {number}", "exec"), names)
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names) if last else None
        shown = []
        if printed.getvalue():
            shown.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
        if value is not None:
            about = {"execution_count": number, "metadata": {}, "output_type": "execute_result"}
            shown.append({"data": _forms(value), **about})
        shown += [{"data": one, "metadata": {}, "output_type": "display_data"} for one in _figures()]
        yield shown


def _forms(value: Any) -> dict[str, Any]:
    html = {"text/html": _lines(value._repr_html_())} if hasattr(value, "_repr_html_") else {}
    return {**html, "text/plain": _lines(repr(value))}


def _figures() -> Iterator[dict[str, Any]]:
    from matplotlib import pyplot as plt

    for number in plt.get_fignums():
        image = io.BytesIO()
        plt.figure(number).savefig(image, dpi=80, bbox_inches="tight", metadata={"Software": None})
        yield {"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": ["<Figure>"]}
    plt.close("all")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def write() -> None:
    content = read()
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for number, (cell, shown) in enumerate(zip(code, outputs(content["cells"]), strict=True), start=1):
        cell.update(outputs=shown, execution_count=number)
    NOTEBOOK.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
