"""The table of criteria: one row for each, with all that its details show."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.documents import phrases
from harness.documents.command import rerun_command
from harness.documents.standing import Doubt, doubts
from harness.reporting.curves import Curves
from harness.reporting.pictures import Pictures
from harness.reporting.strips import Strip, strip
from harness.results import CriterionResult, RunResult

Tone = Literal["pass", "hollow", "fail", "weak", "invalid", "skipped"]
"""A verdict and what it is worth: a pass that is to be believed, one that is not, a fail that is, one that is not."""
TONES: tuple[Tone, ...] = ("pass", "hollow", "fail", "weak", "invalid", "skipped")
KINDS = {"hypothesis": "hypotheses", "validity": "validity checks", "acceptance": "deliverables"}

Shown = Mapping[tuple[str, str], Curves]
"""What is drawn of calibrations, by model (or pair) and criterion."""


@dataclass(frozen=True)
class Row:
    """One criterion as the template shows it."""

    criterion: CriterionResult
    anchor: str
    tone: Tone
    doubts: list[Doubt]
    marks: list[tuple[str, str]]
    measured: str
    rule: str
    command: str
    figures: list[dict[str, str]] = field(default_factory=list)
    files: list[dict[str, str | bool]] = field(default_factory=list)
    strip: Strip | None = None
    curves: Curves | None = None

    @property
    def study(self) -> str:
        """The study it stands under."""
        return phrases.study_of(self.criterion)

    @property
    def footing(self) -> str:
        """``solid`` or ``shaky`` for a hypothesis that was judged, empty otherwise."""
        if self.criterion.kind != "hypothesis" or self.criterion.verdict not in ("pass", "fail"):
            return ""
        return "shaky" if self.doubts else "solid"


@dataclass(frozen=True)
class Group:
    """The rows of one model (or pair, or the run) that belong to one study."""

    study: str
    title: str
    anchor: str
    rows: list[Row]

    @property
    def tallies(self) -> dict[str, dict[Tone, int]]:
        """By kind, how many there are of each tone."""
        return tallies(self.rows)


def rows(result: RunResult, shown: Shown, pictures: Pictures) -> list[Row]:
    """One row for each criterion, in the order of the results."""
    drawn = _drawn(result, pictures)
    return [
        _row(item, result.run, shown.get((item.model, item.id)), pictures, drawn.get((item.model, item.story), []))
        for item in result.criteria
    ]


def groups(scope: str, all_rows: Iterable[Row]) -> list[Group]:
    """The rows of one scope by study, in the order in which studies first come."""
    found: dict[str, list[Row]] = {}
    for row in all_rows:
        if row.criterion.model == scope:
            found.setdefault(row.study, []).append(row)
    return [Group(study, phrases.study_name(study), f"s-{scope}-{study}", own) for study, own in found.items()]


def tallies(some: Iterable[Row]) -> dict[str, dict[Tone, int]]:
    """Counts by kind: files that were written must not swell the number of hypotheses that hold."""
    counts: dict[str, Counter[Tone]] = {}
    for row in some:
        counts.setdefault(row.criterion.kind, Counter())[row.tone] += 1
    return {
        kind: {tone: counts[kind][tone] for tone in TONES if counts[kind][tone]} for kind in KINDS if kind in counts
    }


def anchor(item: CriterionResult) -> str:
    """The id of a criterion's row within the page."""
    return f"c-{item.model}-{item.id}"


def choices(all_rows: Sequence[Row], scopes: Sequence[str]) -> list[dict[str, Any]]:
    """What the table can be filtered by: key, label and options of each."""
    found = [row.criterion for row in all_rows]
    studies = dict.fromkeys(row.study for row in all_rows)
    said = sorted({word for row in all_rows for word, _ in row.marks})
    offered = [
        ("model", "Model", [(scope, phrases.scope_name(scope)) for scope in scopes]),
        ("study", "Study", [(study, phrases.study_name(study)) for study in studies]),
        ("kind", "Kind", [(kind, kind) for kind in KINDS if any(one.kind == kind for one in found)]),
        ("verdict", "Verdict", [(name, name) for name in dict.fromkeys(sorted(one.verdict for one in found))]),
        ("footing", "Believable", [("solid", "solid"), ("shaky", "shaky")]),
        ("mark", "Marked", [(word, word) for word in said]),
    ]
    return [{"key": key, "label": label, "options": options} for key, label, options in offered]


def _drawn(result: RunResult, pictures: Pictures) -> dict[tuple[str, str], list[str]]:
    """The figures of each story of a model, as the story's deliverables name them."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in result.criteria:
        if item.kind == "acceptance":
            found.setdefault((item.model, item.story), []).extend(filter(pictures.drawable, item.artifacts))
    return found


def _row(
    item: CriterionResult, run: Mapping[str, Any], curves: Curves | None, pictures: Pictures, story: Sequence[str]
) -> Row:
    """``story``: the figures shown where a hypothesis has none of its own."""
    entry = curves.entry if curves else None
    raised = doubts(item, entry)
    own = [path for path in item.artifacts if pictures.drawable(path)]
    return Row(
        criterion=item,
        anchor=anchor(item),
        tone=_tone(item, shaky=bool(raised)),
        doubts=raised,
        marks=phrases.marks(item, entry),
        measured=phrases.found(item),
        rule=phrases.asked(item),
        command=rerun_command(item, run, pictures.output),
        figures=[pictures.thumbnail(path) for path in own or (story if item.kind == "hypothesis" else ())],
        files=[pictures.link(path) for path in item.artifacts if not pictures.drawable(path)],
        strip=strip(item, entry),
        curves=curves,
    )


def _tone(item: CriterionResult, shaky: bool) -> Tone:
    """A verdict that proves nothing must not look like one that does."""
    match item.verdict:
        case "pass":
            return "hollow" if shaky else "pass"
        case "fail":
            return "weak" if shaky else "fail"
        case other:
            return other
