"""Reports on an experiment: one model's attention, ablations or steps, or two models compared; Markdown made of verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.documents.markdown import code, plain, table
from harness.documents.phrases import confidence, counted, joined, passing_controls, rule, scalar, study_name
from harness.documents.sentences import answered, said, value, verdict
from harness.results import Calibration, CriterionResult, PhaseResult


@dataclass(frozen=True)
class Question:
    """A question of the study.

    Attributes:
        asked: the question.
        of_models: ids of the criteria that answer it for a model, the first being the answer itself.
        of_pairs: the same for two models.
    """

    asked: str
    of_models: Sequence[str] = ()
    of_pairs: Sequence[str] = ()


KEY_QUESTIONS = (
    Question("Is there a hub?", ("1.5-hub-confidence", "1.5-ratio", "1.5-hub-adjusted")),
    Question("Does attention flow from each thought to the next?", ("1.5-sequential", "1.5-54")),
    Question("Are there skip connections?", ("1.5-skip", "2.3-exists")),
    Question("Which heads are critical?", ("2.4-named", "2.4-critical", "2.4-causal")),
    Question("How do the models differ?", of_pairs=("2.6-answers", "2.6-differ", "2.6-visible", "2.6-fewer")),
)


@dataclass(frozen=True)
class Subject:
    """What a kind of report is about.

    Attributes:
        suffix: the last part of the file's name.
        title: with room for the models' names.
        studies: whose criteria it lists.
        objective: what was to be found out.
        method: how, a sentence each, without numbers of this run.
        questions: those it answers one by one.
        findings: ids of the criteria whose sentences come first, three to five.
    """

    suffix: str
    title: str
    studies: Sequence[str]
    objective: str
    method: Sequence[str]
    questions: Sequence[Question]
    findings: Sequence[str]


ATTENTION = (
    "A thought reads earlier positions; what it reads of earlier thoughts is taken for every problem, layer and head, with its "
    "weights as they are: the rest of each row lies on the question.",
    "Statistics are over problems, the unit of every interval and test; what is chosen and measured on the same problems is "
    "marked, and a value chosen on one half and measured on the other stands beside it in the report.",
    "Every hypothesis is tested on controls as well. One that a control passes too says nothing about this model.",
)

FLOW = Subject(
    suffix="attention_flow_analysis",
    title="Attention flow of {models}",
    studies=("phase1", "phase2"),
    objective="What do the continuous thoughts of this model read of one another: is there a position that all read, a chain "
    "from each thought to the next, a way past the thoughts between, and do a few heads do the work?",
    method=ATTENTION,
    questions=KEY_QUESTIONS,
    findings=("1.5-hub-confidence", "1.5-sequential", "1.5-skip", "2.4-named", "2.4-causal"),
)
COMPARISON = Subject(
    suffix="model_comparison",
    title="{models} compared",
    studies=("phase2",),
    objective="Do two models of different size that learned the same task organise the attention between their thoughts alike, "
    "and does the larger one specialise more?",
    method=(
        *ATTENTION[:2],
        "Both models see the same problems, and each problem is paired with itself. Models of different depth are compared "
        "by relative layer, models with different numbers of thoughts on the first ones that both have.",
        "The controls are a model against itself on random halves of its problems, and both models untrained.",
    ),
    questions=KEY_QUESTIONS,
    findings=("2.6-answers", "2.6-differ", "2.6-visible", "2.6-capacity", "2.6-fewer"),
)
IMPORTANCE = Subject(
    suffix="attention_importance",
    title="How much each thought of {models} matters",
    studies=("importance",),
    objective="Which thoughts does an answer need, and does the attention that the answer pays to a thought say how much it "
    "is needed?",
    method=(
        "As many problems of each difficulty are answered with nothing changed and with one thought, or several, replaced or "
        "cut off, side by side on the same encoding of the question.",
        "A sham, a thought patched with itself and the read-back of what was replaced come first; without them no claim counts.",
        "The controls of an ablation are a sham, random places, and the same model fed its mean thoughts.",
    ),
    questions=(
        Question("Which thoughts does the answer need?", ("I.4-stats", "I.2-matters")),
        Question("Is the last thought the one that matters?", ("I.2-last",)),
        Question("Does attention say how much a thought matters?", ("I.4-mid", "I.4-early", "I.4-late")),
        Question("Which words do thoughts read?", ("I.3-question",)),
    ),
    findings=("I.2-baseline", "I.4-stats", "I.2-matters", "I.4-mid", "I.3-question"),
)
STEPS = Subject(
    suffix="step_importance",
    title="Steps and thoughts of {models}",
    studies=("steps",),
    objective="Do early thoughts or late ones carry the calculation, and does it depend on how many steps a problem has?",
    method=(
        "All sets of thoughts are zeroed, each on the same problems: the nested design, each thought alone, each left in alone, "
        "and exact Shapley values are then sums over the same answers.",
        "As many problems of each difficulty are drawn; the problem is the unit of every interval and test.",
    ),
    questions=(
        Question("What would the nested design alone have said?", ("S.1-design",)),
        Question("How much is each thought worth?", ("S.2-files",)),
        Question("Do early thoughts matter more?", ("S.1-early-late", "S.1-complex", "S.1-complex-nested")),
        Question("Does it depend on the number of steps?", ("S.1-difficulty", "S.1-simple")),
    ),
    findings=("S.1-design", "S.2-files", "S.1-early-late", "S.1-complex", "S.1-difficulty"),
)
OF_MODELS = (FLOW, IMPORTANCE, STEPS)


@dataclass(frozen=True)
class Experiment:
    """A report on one model or one comparison (spec 04, 3.1-reports).

    Attributes:
        subject: what it is about.
        scope: the model, or the comparison as criteria.json names it.
        models: names of the models, in the order of the report.
        results: rows by scope and id: those of the models, of their comparisons, and of the run.
        phases: verdicts on phases of this scope.
        run: the ``run`` object of ``criteria.json``.
        entries: what is known of the threshold of a hypothesis, by scope and id.
        up: the way from the document's folder to the output folder, with a slash at its end.
    """

    subject: Subject
    scope: str
    models: Sequence[str]
    results: Mapping[str, Mapping[str, CriterionResult]]
    phases: Sequence[PhaseResult]
    run: Mapping[str, Any]
    up: str = "../../"
    pairs: Sequence[str] = field(default=())
    entries: Mapping[tuple[str, str], Calibration] = field(default_factory=dict)

    @property
    def rows(self) -> list[CriterionResult]:
        """The criteria that it lists, in the order of the study."""
        return [one for one in self.results[self.scope].values() if one.study in self.subject.studies]

    @property
    def title(self) -> str:
        """Its heading."""
        return self.subject.title.format(models=joined(self.models))

    @property
    def dataset(self) -> str:
        """What it ran on: name, split and size of every sample that its studies looked at."""
        name = self.run["dataset"]["name"]
        own = [one for one in self.run["samples"] if set(one["studies"]) & set(self.subject.studies)]
        return f"{name}: " + "; ".join(
            f"{'another ' if one['another'] else ''}{one['n']:,} of {one['split_size']:,} problems ({one['split']})"
            for one in own
        )

    @property
    def in_short(self) -> str:
        """One sentence: how many hypotheses pass, and how many of the passes say something."""
        claims = [one for one in self.rows if one.kind == "hypothesis"]
        passing = [one for one in claims if one.verdict == "pass"]
        telling = [one for one in passing if one.discriminates]
        others = counted(
            sum(one.verdict in ("invalid", "skipped") for one in claims), "could not be judged", "could not be judged"
        )
        tail = "" if others.startswith("0 ") else f"; {others}"
        return (
            f"Of {counted(len(claims), 'hypothesis', 'hypotheses')} about {plain(joined(self.models))}, {len(passing)} pass, "
            f"{len(telling)} of them where no control does{tail}. [counted]"
        )

    @property
    def findings(self) -> list[str]:
        """Three to five sentences."""
        rows = self.results[self.scope]
        return [answered(rows[name], self._entry(rows[name])) for name in self.subject.findings if name in rows]

    @property
    def text(self) -> str:
        """As Markdown."""
        return _templates().get_template("experiment.md.jinja").render(report=self).strip() + "\n"

    def answers(self, question: Question) -> list[str]:
        """The answers to a question, of each model and each comparison of them."""
        wanted = [(scope, name) for scope in self.models for name in question.of_models]
        wanted += [(scope, name) for scope in self.pairs for name in question.of_pairs]
        several = len({scope for scope, _ in wanted}) > 1
        found = [(scope, self.results.get(scope, {}).get(name)) for scope, name in wanted]
        return [
            f"{plain(scope) + ': ' if several else ''}{answered(row, self._entry(row))}"
            for scope, row in found
            if row is not None
        ]

    def stories(self) -> list[tuple[str, list[str]]]:
        """For each story its number, and the lines of a table with all of its criteria."""
        return [(story, self._table([one for one in self.rows if one.story == story])) for story in _once(self.rows)]

    @property
    def hypotheses(self) -> list[str]:
        """A sentence for each hypothesis."""
        return [said(one, self._entry(one)) for one in self.rows if one.kind == "hypothesis"]

    @property
    def checks(self) -> list[str]:
        """A sentence for each check without which nothing here would mean anything."""
        run = [one for one in self.results.get("run", {}).values() if one.study in self.subject.studies]
        return [said(one) for one in [*run, *self.rows] if one.kind == "validity"]

    @property
    def figures(self) -> list[tuple[str, str]]:
        """Name and way to each figure."""
        return [(_name(path), self.up + path) for path in self._artifacts() if path.endswith(".png")]

    @property
    def data(self) -> list[tuple[str, str]]:
        """Name and way to each result file."""
        return [
            (plain(_name(path)), self.up + path) for path in self._artifacts() if not path.endswith((".png", ".pdf"))
        ]

    @property
    def verdicts(self) -> list[str]:
        """A line for each phase."""
        return [f"{study_name(one.id)}: **{plain(one.verdict)}** [phase verdict]" for one in self.phases]

    @property
    def shapes(self) -> list[str]:
        """A line for each model."""
        known = {one["name"]: one for one in self.run["models"]}
        return [
            f"{plain(name)}: {known[name]['n_layers']} layers, {known[name]['n_heads']} heads each, {known[name]['n_latents']} "
            f"thoughts, {known[name]['n_parameters']:,} parameters; {known[name]['device']}, {known[name]['dtype']}; "
            f"fingerprint {code(known[name]['fingerprint'][:12])}"
            for name in self.models
        ]

    @property
    def origin(self) -> str:
        """What wrote it, and from what."""
        run = self.run
        problems, declared = (code(one[:12]) for one in (run["dataset"]["fingerprint"], run["declarations_sha256"]))
        return (
            f"Written by codi-harness {code(run['harness'])}, {code(run['time'])}; problems {problems}, seed {run['seed']}, "
            f"controls {run['controls']}, declarations {declared}."
        )

    def _entry(self, row: CriterionResult) -> Calibration | None:
        return self.entries.get((row.model, row.id))

    def _artifacts(self) -> list[str]:
        return list(dict.fromkeys(path for one in self.rows for path in one.artifacts))

    def _table(self, rows: Sequence[CriterionResult]) -> list[str]:
        heading = [
            "criterion",
            "kind",
            "measured, 95 % interval",
            "rule",
            "confidence",
            "controls that pass",
            "verdict",
        ]
        return list(table(heading, [_cells(one, self._entry(one)) for one in rows]))


def _cells(one: CriterionResult, entry: Calibration | None) -> list[str]:
    return [
        f"{plain(one.statement)} [{one.id}]",
        one.kind,
        plain(value(one)) if one.measured is not None else plain(one.reason or scalar(None)),
        plain(rule(one.comparator, one.threshold)),
        confidence(one.confidence),
        plain(passing_controls(one)),
        verdict(one, entry),
    ]


def _once(rows: Sequence[CriterionResult]) -> list[str]:
    return list(dict.fromkeys(one.story for one in rows))


def _name(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return name.removesuffix(".png")


@cache
def _templates() -> Environment:
    # What is Markdown is made so before it gets here; nothing is HTML.
    return Environment(
        loader=PackageLoader("harness.documents"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
