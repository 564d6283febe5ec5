"""The success-criteria report: one self-contained piece of HTML that stands on top of pytest-html's page."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.documents import phrases
from harness.reporting import curves, strips
from harness.reporting.explorer import explorer_data
from harness.reporting.facts import facts, in_short, provenance
from harness.reporting.notices import banners, notices
from harness.reporting.overview import cards
from harness.reporting.pictures import Pictures
from harness.reporting.planted_heads import planted_heads
from harness.reporting.rows import KINDS, choices, groups, rows, tallies
from harness.reporting.side_by_side import side_by_side
from harness.results import RunResult

TITLE = "codi-harness: success criteria"
"""The name of the page."""
CONTROL_MODEL = "control-model"
"""What criteria.json calls the matched control model, whichever it is."""
GLYPHS = {
    "pass": "✓",
    "hollow": "○",
    "fail": "✕",
    "weak": "✕",
    "invalid": "⊘",
    "skipped": "–",
    "incomplete": "…",
    "counted": "",
}
WORDS = {
    "pass": "pass",
    "hollow": "pass, shaky",
    "fail": "fail",
    "weak": "fail, shaky",
    "invalid": "invalid",
    "skipped": "not judged",
}
ASKED = {
    "pass": "&verdict=pass&footing=solid",
    "hollow": "&verdict=pass&footing=shaky",
    "fail": "&verdict=fail&footing=solid",
    "weak": "&verdict=fail&footing=shaky",
    "invalid": "&verdict=invalid",
    "skipped": "&verdict=skipped",
}
"""How the table is filtered to show what a count counts."""


def page(result: RunResult, output: Path) -> str:
    """The report of one run as a page of its own, without pytest-html's; ``output`` as for `render`."""
    return _environment().get_template("page.html.jinja").render(title=TITLE, report=render(result, output))


def render(result: RunResult, output: Path) -> str:
    """The report of one run as HTML text: one ``<section>`` with its own style and script.

    ``output`` is the folder the page will stand in: figures and head scores are read from it, and links are
    relative to it. Meant as prefix in pytest-html's ``pytest_html_results_summary``: the script lifts the
    section to the top of the page and folds pytest's own tables under "Test log".
    """
    result = _with_named_control(result)
    shown, found = curves.curves(result, output), planted_heads(result, output)
    scopes = _scopes(result)
    all_rows = rows(result, shown, Pictures(output))
    grouped = {scope: groups(scope, all_rows) for scope in scopes}
    models = [scope for scope in scopes if scope != "run" and "_vs_" not in scope]
    explorers = {model: explorer_data(output / "results" / model) for model in models if _wrote_heads(result, model)}
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            facts=facts(result),
            in_short=in_short(result),
            provenance=provenance(result.run),
            banners=banners(result),
            notices=notices(result),
            totals=tallies(all_rows),
            cards=cards(result, grouped, shown),
            grouped=grouped,
            filters=choices(all_rows, scopes),
            side_by_side=side_by_side(models, all_rows),
            explorers={model: data for model, data in explorers.items() if data},
            planted_heads={scope: found[scope] for scope in scopes if scope in found},
        )
    )


def _scopes(result: RunResult) -> list[str]:
    """Models first, then pairs, then what belongs to no model."""
    names = dict.fromkeys([phase.scope for phase in result.phases] + [item.model for item in result.criteria])
    return sorted(names, key=lambda name: (name == "run", "_vs_" in name))


def _wrote_heads(result: RunResult, scope: str) -> bool:
    """Whether this run wrote what the explorer reads; an earlier run's files may be of other problems."""
    written = {artifact for item in result.criteria if item.model == scope for artifact in item.artifacts}
    return {f"results/{scope}/attention_stats.json", f"results/{scope}/attention_patterns_avg.npy"} <= written


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harness.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        asked=ASKED, frame=curves, glyphs=GLYPHS, kinds=KINDS, phrases=phrases, strip_frame=strips, words=WORDS
    )
    return environment


def _with_named_control(result: RunResult) -> RunResult:
    """The result with the matched control model under its own name."""
    name = result.run.get("control_model")
    if not name:
        return result
    criteria = [
        item.model_copy(
            update={"controls": {str(name) if key == CONTROL_MODEL else key: one for key, one in item.controls.items()}}
        )
        for item in result.criteria
    ]
    return result.model_copy(update={"criteria": criteria})
