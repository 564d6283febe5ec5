"""The success-criteria report: one self-contained piece of HTML that stands on top of pytest-html's page."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.documents import phrases
from harness.documents.command import rerun_command
from harness.reporting import curves
from harness.reporting.curves import Curves
from harness.reporting.explorer import explorer_data
from harness.reporting.planted_heads import planted_heads
from harness.reporting.strips import strip
from harness.results import CriterionResult, PhaseResult, RunResult

VERDICTS = ("pass", "fail", "invalid", "skipped")
CONTROL_MODEL = "control-model"
"""What criteria.json calls the matched control model, whichever it is."""
GLYPHS = {"pass": "✓", "hollow": "○", "fail": "✕", "invalid": "⊘", "skipped": "–", "incomplete": "…"}


def render(result: RunResult, output: Path) -> str:
    """The report of one run as HTML text: one ``<section>`` with its own style and script.

    ``output`` is the folder the page will stand in: figures and head scores are read from it, and links are
    relative to it. Meant as prefix in pytest-html's ``pytest_html_results_summary``: the script lifts the
    section to the top of the page and folds pytest's own tables under "Test log".
    """
    figures, shown, found = _Figures(output), curves.curves(result, output), planted_heads(result, output)
    result = _with_named_control(result)
    scopes = _scopes(result)
    template = _environment().get_template("report.html.jinja")
    return template.render(
        facts=_facts(result),
        provenance=_flat(result.run),
        banners=_banners(result),
        notices=_notices(result),
        totals=_totals(result.criteria),
        scopes=[
            {
                "name": scope,
                "title": "The run as a whole" if scope == "run" else scope.replace("_vs_", " vs "),
                "tiles": [_tile(phase, result) for phase in result.phases if phase.scope == scope],
                "studies": _studies(scope, result, figures, shown),
                "explorer": explorer_data(output / "results" / scope) if _wrote_heads(result, scope) else None,
                "planted_heads": found.get(scope),
                "headline": _headline(scope, result),
            }
            for scope in scopes
        ],
        filters=_filters(result, scopes, shown),
        study_name=phrases.study_name,
    )


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
    environment.globals.update(glyphs=GLYPHS, phrases=phrases, frame=curves)
    return environment


@dataclass(frozen=True)
class _Row:
    """One criterion as the template shows it."""

    criterion: CriterionResult
    anchor: str
    tone: str
    marks: list[tuple[str, str]]
    measured: str
    command: str
    figures: list[dict[str, str]] = field(default_factory=list)
    files: list[dict[str, str | bool]] = field(default_factory=list)
    strip: Markup | None = None
    curves: Curves | None = None

    @property
    def search(self) -> str:
        item = self.criterion
        return " ".join([item.id, item.statement, item.model, *(word for word, _ in self.marks)]).lower()


def _scopes(result: RunResult) -> list[str]:
    """Models first, then pairs, then what belongs to no model."""
    names = dict.fromkeys([phase.scope for phase in result.phases] + [item.model for item in result.criteria])
    return sorted(names, key=lambda name: (name == "run", "_vs_" in name))


def _anchor(item: CriterionResult) -> str:
    return f"c-{item.model}-{item.id}"


def _tone(item: CriterionResult) -> str:
    """A pass that proves nothing must not look like one that does."""
    expected = item.kind == "hypothesis" and item.null_should_pass
    if item.verdict == "pass" and (item.vacuous or expected or item.reach == "cannot fail"):
        return "hollow"
    return item.verdict


def _totals(criteria: Iterable[CriterionResult]) -> list[tuple[str, dict[str, int]]]:
    """Counts by kind: files that were written must not swell the number of hypotheses that hold."""
    tones: dict[str, Counter[str]] = {}
    for item in criteria:
        tones.setdefault(item.kind, Counter())[_tone(item)] += 1
    order = ("pass", "hollow", "fail", "invalid", "skipped")
    return [
        (kind, {tone: tones[kind][tone] for tone in order if tones[kind][tone]})
        for kind in ("validity", "hypothesis", "acceptance")
        if kind in tones
    ]


def _tile(phase: PhaseResult, result: RunResult) -> dict[str, Any]:
    members = [
        item
        for item in result.criteria
        if item.model == phase.scope
        and (item.study == phase.id or item.id in phase.conditions or "_vs_" in phase.scope)
    ]
    by_id = {item.id: item for item in members}
    word = phase.verdict.split(" (")[0]
    tone = word if word in {"pass", "fail", "invalid", "incomplete", "skipped"} else "counted"
    return {
        "phase": phase,
        "word": word,
        "qualifier": phase.verdict[len(word) :].strip().removeprefix("(").removesuffix(")")
        or _qualifier(tone, [by_id[name] for name in phase.conditions if name in by_id]),
        "tone": "hollow" if tone == "pass" and word != phase.verdict else tone,
        "conditions": [
            {
                "id": name,
                "tone": _tone(by_id[name]) if name in by_id else "skipped",
                "anchor": _anchor(by_id[name]) if name in by_id else None,
                "title": by_id[name].statement if name in by_id else "not part of this run",
            }
            for name in phase.conditions
        ],
        "totals": _totals(members),
        "members": len(members),
    }


def _qualifier(tone: str, conditions: Sequence[CriterionResult]) -> str:
    """What a tile must add to its one word."""
    if tone == "invalid":
        return "a validity check failed; the answers rest on it"
    hollow = sum(_tone(item) == "hollow" for item in conditions)
    if hollow and tone in {"counted", "incomplete"}:
        return f"{phrases.counted(hollow, 'pass does', 'passes do')} not discriminate"
    return ""


def _studies(
    scope: str, result: RunResult, figures: "_Figures", shown: Mapping[tuple[str, str], Curves]
) -> list[dict[str, Any]]:
    groups: dict[str, list[_Row]] = {}
    for item in result.criteria:
        if item.model == scope:
            groups.setdefault(item.study, []).append(_row(item, result.run, figures, shown))
    return [
        {"id": study, "rows": rows, "totals": _totals(row.criterion for row in rows)} for study, rows in groups.items()
    ]


def _row(
    item: CriterionResult, run: Mapping[str, Any], figures: "_Figures", shown: Mapping[tuple[str, str], Curves]
) -> _Row:
    return _Row(
        criterion=item,
        anchor=_anchor(item),
        tone=_tone(item),
        marks=_marks(item, shown),
        measured=phrases.scalar(item.measured, item.threshold),
        command=rerun_command(item, run),
        figures=[figures.thumbnail(path) for path in item.artifacts if figures.drawable(path)],
        files=[figures.link(path) for path in item.artifacts if not figures.drawable(path)],
        strip=strip(item, _anchor(item)),
        curves=shown.get((item.model, item.id)),
    )


class _Figures:
    """Artefacts of the output folder: small pictures inside the page, everything else as relative links."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._seen: dict[str, str] = {}

    def drawable(self, path: str) -> bool:
        return path.endswith(".png") and (self.output / path).is_file()

    def link(self, path: str) -> dict[str, str | bool]:
        return {"path": path, "href": quote(path), "exists": (self.output / path).exists()}

    def thumbnail(self, path: str) -> dict[str, str]:
        """The first row that shows a figure carries its bytes; the others point to it by key."""
        picture = {"path": path, "href": quote(path), "name": Path(path).stem, "src": "", "key": ""}
        pdf = Path(path).with_suffix(".pdf")
        picture["pdf"] = quote(str(pdf)) if (self.output / pdf).is_file() else ""
        if path not in self._seen:
            from harness.figures.save import thumbnail

            self._seen[path] = f"t{len(self._seen)}"
            picture["src"] = "data:image/png;base64," + base64.b64encode(thumbnail(self.output / path)).decode()
        picture["key"] = self._seen[path]
        return picture


def _banners(result: RunResult) -> list[dict[str, Any]]:
    """One sentence per scope whose validity broke: which check, what it found, what rests on it."""
    broken = [item for item in result.criteria if item.kind == "validity" and item.verdict == "fail"]
    banners = []
    for scope in dict.fromkeys(item.model for item in broken):
        checks = [item for item in broken if item.model == scope]
        names = [check.id for check in checks]
        banners.append(
            {
                "scope": "this run" if scope == "run" else scope.replace("_vs_", " vs "),
                "checks": [
                    {
                        "item": check,
                        "anchor": _anchor(check),
                        "measured": phrases.scalar(check.measured, check.threshold),
                        "rule": phrases.rule(check.comparator, check.threshold),
                    }
                    for check in checks
                ],
                "resting": _resting(result, scope, names),
            }
        )
    return banners


def _resting(result: RunResult, scope: str, broken: Iterable[str]) -> int:
    """How many invalid criteria name a broken check of this scope, or something that rests on one."""
    causes, resting = set(broken), set[tuple[str, str]]()
    invalid = [
        item
        for item in result.criteria
        if item.verdict == "invalid" and scope in {"run", item.model, *item.model.split("_vs_")}
    ]
    while True:
        found = {
            (item.model, item.id)
            for item in invalid
            if item.reason is None or causes & set(re.findall(r"[\w.-]*\w", item.reason))
        }
        if found == resting:
            return len(found)
        resting = found
        causes |= {name for _, name in found}


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


def _against_the_control_model(result: RunResult) -> list[str]:
    """Which hypotheses pass with and without what the matched control model lacks, a sentence for each model."""
    name, said = result.run.get("control_model"), []
    compared = [item for item in result.criteria if item.verdict == "pass" and str(name) in item.controls]
    for model in dict.fromkeys(item.model for item in compared):
        own = [item for item in compared if item.model == model and not item.null_should_pass]
        too = [item.id for item in own if item.controls[str(name)].passes]
        alone = [item.id for item in own if not item.controls[str(name)].passes]
        said.append(
            f"Of the hypotheses that {model} passes, {name} fails {phrases.counted(len(alone), 'one', 'of them')}"
            f"{f' ({phrases.joined(alone)})' if alone else ''} and passes {len(too)} too"
            f"{f' ({phrases.joined(too)})' if too else ''}; what both pass is not owed to what {name} lacks. This is one "
            "trained model against another: how much either varies with its training seed is not in these numbers."
        )
    return said


def _notices(result: RunResult) -> list[str]:
    """What limits the reading of a run whose checks did not break."""
    source = phrases.judged_from_results(result.run)
    notices = [*([source] if source else []), *_against_the_control_model(result)]
    unchecked = [item for item in result.criteria if item.kind == "validity" and item.verdict == "skipped"]
    if unchecked and not source:
        names = dict.fromkeys(item.id for item in unchecked)
        notices.append(
            f"{phrases.counted(len(unchecked), 'validity check')} could not be evaluated in this run "
            f"({', '.join(names)}); nothing here vouches for what they would have caught."
        )
    changed = result.run.get("declarations_changed")
    if changed:
        listed = ", ".join(map(str, changed)) if isinstance(changed, list | tuple) else ""
        notices.append(f"The criteria's declarations differ from the approved ones{f': {listed}' if listed else ''}.")
    if _get(result.run.get("dataset"), "n") == 1:
        notices.append(
            "One problem only: nothing can be resampled, and what asks how problems differ has nothing to go by."
        )
    controls = result.run.get("controls") or _get(result.run.get("options"), "controls")
    if controls == "none":
        notices.append("No controls were evaluated: whatever passes here may pass for any model.")
    elif controls == "cheap":
        notices.append("Only controls that need no further extraction were evaluated.")
    if (result.run.get("options") or {}).get("quick"):
        notices.append("A quick run: 10 problems and cheap controls only. Use it to see that things work.")
    return notices


def _headline(scope: str, result: RunResult) -> list[str]:
    """How well a model solves the task at all, before anything is said about how it does."""
    words = []
    own = {c.id: c for c in result.criteria if c.model == scope}
    baseline, parsed = own.get("I.2-baseline"), own.get("I.2-parse")
    if baseline and isinstance(baseline.measured, int | float):
        low_high = phrases.interval(baseline.ci_low, baseline.ci_high)
        spread = "" if low_high == phrases.NOTHING else f" {low_high}"
        words.append(f"baseline accuracy {phrases.number(baseline.measured)}{spread}")
        if parsed and parsed.beside.get("baseline") is not None:
            words.append(f"parse rate {phrases.scalar(parsed.beside['baseline'])}")
    return words


def _models(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    described = []
    for model in run.get("models") or ():
        layers, heads, thoughts = _get(model, "n_layers"), _get(model, "n_heads"), _get(model, "n_latents")
        parameters = _get(model, "n_parameters")
        words = []
        if layers and heads:
            words.append(f"{layers} layers × {heads} heads")
        if thoughts:
            words.append(f"{thoughts} thoughts")
        if parameters:
            words.append(f"{_magnitude(parameters)} parameters")
        if device := _get(model, "device"):
            words.append(" ".join(str(word) for word in (device, _get(model, "dtype")) if word))
        described.append((str(_get(model, "name") or model), ", ".join(words)))
    return described


def _magnitude(count: float) -> str:
    for size, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:,}"


def _facts(result: RunResult) -> list[tuple[str, str]]:
    """The run in a few pairs of words; what is not known is left out."""
    run = result.run
    data = run.get("dataset")
    seed = run.get("seed")
    declared = str(run.get("declarations_sha256") or "")[:12]
    pairs = [
        ("models", "; ".join(f"{name}: {text}" if text else name for name, text in _models(run))),
        ("problems", _problems(data, run.get("samples") or ())),
        ("seed", None if seed is None else str(seed)),
        ("controls", ", ".join(str(name) for name in (run.get("controls"), run.get("control_model")) if name)),
        ("declarations", declared and f"{declared}…"),
        ("harness", run.get("harness")),
        ("time", run.get("time")),
    ]
    return [(label, str(value)) for label, value in pairs if value]


def _problems(data: Any, samples: Sequence[Mapping[str, Any]]) -> str:
    """What was looked at: ``gsm8k: train, 100 of 7,473 problems (Phase 1); test, all 1,319 problems (Behaviour ...)``."""
    name = str(_get(data, "name") or "")
    if not samples:
        words = [_sample_words(data)] if _get(data, "n") is not None else []
    else:
        words = [
            f"{_sample_words(one)} ({phrases.joined([_short_name(study) for study in one['studies']])})"
            for one in samples
        ]
    return ": ".join(word for word in (name, "; ".join(words)) if word)


def _short_name(study: str) -> str:
    return phrases.study_name(study).partition(" · ")[0]


def _sample_words(sample: Any) -> str:
    n, size = _get(sample, "n"), _get(sample, "split_size")
    if _get(sample, "complete"):
        left_out = f", {size - n:,} left out" if size > n else ""
        return f"{_get(sample, 'split')}, complete set, {n:,} problems{left_out}"
    another = "another " if _get(sample, "another") else ""
    count = f"all {n:,}" if n == size else f"{n:,}" + (f" of {size:,}" if size else "")
    alike = ", as many of each difficulty" if _get(sample, "as_many_of_each_difficulty") else ""
    return f"{_get(sample, 'split') or 'sample'}, {another}{count} problems{alike}"


def _get(mapping: Any, *names: str) -> Any:
    if not isinstance(mapping, Mapping):
        return None
    return next((mapping[name] for name in names if mapping.get(name) is not None), None)


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested provenance as dotted names, in order."""
    pairs: list[tuple[str, str]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            pairs += _flat(value, f"{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            pairs.append((name, text))
    return pairs


def _marks(item: CriterionResult, shown: Mapping[tuple[str, str], Curves]) -> list[tuple[str, str]]:
    known = shown.get((item.model, item.id))
    return phrases.marks(item, known.entry if known else None)


def _filters(result: RunResult, scopes: Sequence[str], shown: Mapping[tuple[str, str], Curves]) -> list[dict[str, Any]]:
    found = result.criteria
    stories = sorted({item.story for item in found}, key=lambda story: (not story[:1].isdigit(), story))
    said = {word for item in found for word, _ in _marks(item, shown)}
    choices = [
        ("model", "Model", [(scope, scope.replace("_vs_", " vs ")) for scope in scopes]),
        ("study", "Study", [(name, phrases.study_name(name)) for name in dict.fromkeys(c.study for c in found)]),
        ("story", "Story", [(name, name) for name in stories]),
        ("verdict", "Verdict", [(name, name) for name in VERDICTS if any(c.verdict == name for c in found)]),
        ("kind", "Kind", [(name, name) for name in sorted({c.kind for c in found})]),
        ("mark", "Marked", [(name, name) for name in sorted(said)]),
    ]
    return [{"key": key, "label": label, "options": options} for key, label, options in choices]
