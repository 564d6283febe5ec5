"""Story 3.3: what may be committed, and the message that goes with it."""

import csv
import json
import re
from collections.abc import Iterator, Mapping

from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.finished import FinishedRun
from harness.documents.commit_message import WIDTH, commit_message
from harness.errors import HarnessError
from harness.results import CriterionResult
from harness.storage.tracked import ignore_errors, large_files

SUBJECT = re.compile(r"(build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test)(\([^()]+\))?!?: \S.*")
TOP = 3
ANSWERS = ("1.5-hub-confidence", "1.5-sequential", "1.5-skip")
HEADS = ("2.4-named", "2.4-critical")
OF_PAIRS = ("2.6-answers", "2.6-differ")


def size(study: FinishedRun) -> Measurement:
    """Files that git tracks, or would take, and that are too large for it."""
    try:
        large = large_files(study.output)
    except HarnessError as error:
        raise NotMeasured(f"needs git: {error}") from error
    return Measurement(
        len(large),
        answer="; ".join(f"{name}: {count / 1e6:,.0f} MB" for name, count in large[:3]) or None,
        beside={"files": [name for name, _ in large]},
    )


def ignore(study: FinishedRun) -> Measurement:
    """What git says of the files of a run, those that are there and those that could be."""
    try:
        wrong = ignore_errors(study.output)
    except HarnessError as error:
        raise NotMeasured(f"needs git: {error}") from error
    return Measurement("as specified" if not wrong else f"wrong: {'; '.join(wrong[:3])}", beside={"wrong": wrong[:20]})


def message(study: FinishedRun) -> Measurement:
    """What the commit message lacks, held against the rows and the result files."""
    study.require((*ANSWERS, *HEADS), OF_PAIRS)
    text = commit_message(study.result)
    wrong = [*_form(text), *_about(study, text)]
    for scope, part in _parts(text).items():
        if scope in study.models:
            wrong += [f"{scope}: {missing}" for missing in _of_model(study, scope, part)]
        else:
            wrong += [f"{scope}: {missing}" for missing in _answers(study.of(scope), OF_PAIRS, part)]
    absent = {*study.models, *study.pairs} - _parts(text).keys()
    wrong += [f"nothing about {scope}" for scope in sorted(absent)]
    return Measurement(
        "valid" if not wrong else f"wrong: {'; '.join(wrong[:3])}",
        n_problems=study.provenance["dataset"]["n"],
        answer=text.splitlines()[0],
        beside={"characters": len(text)},
    )


def _form(text: str) -> Iterator[str]:
    subject, *rest = text.splitlines()
    if not SUBJECT.fullmatch(subject) or len(subject) > WIDTH:
        yield "the subject is not that of a conventional commit"
    if rest[:1] != [""]:
        yield "no empty line after the subject"
    if any(len(line) > WIDTH and len(line.split()) > 2 for line in rest):
        yield f"a line is longer than {WIDTH}"
    if any(line.startswith("#") for line in rest):
        yield "a line that git takes for a comment"


def _about(study: FinishedRun, text: str) -> Iterator[str]:
    said = " ".join(text.split())
    if f"{study.provenance['dataset']['n']:,} of" not in said:
        yield "the sample size"
    for model in study.provenance["models"]:
        if f"{model['name']} {model['n_layers']} layers x {model['n_heads']} heads" not in said:
            yield f"layers and heads of {model['name']}"


def _parts(text: str) -> dict[str, str]:
    """What is said of each model and comparison, on one line."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")[2:]]
    found = [re.match(r"(?:Model|Comparison) (\S+): ", part) for part in paragraphs]
    return {match.group(1): part for match, part in zip(found, paragraphs, strict=True) if match}


def _of_model(study: FinishedRun, model: str, part: str) -> Iterator[str]:
    rows, folder = study.of(model), study.absolute(f"results/{model}")
    yield from _answers(rows, ANSWERS, part)
    summary = json.loads((folder / "attention_summary.json").read_text(encoding="utf-8"))
    hub = max(summary["per_position"], key=lambda one: one["incoming"])
    if f"CT{hub['position']} receives most attention ({hub['incoming']:.3g} of" not in part:
        yield "the hub with its score"
    with (folder / "ranked_heads.csv").open(encoding="utf-8", newline="") as file:
        first = [f"L{row['layer']}H{row['head']}" for row in csv.DictReader(file)][:TOP]
    named = re.findall(r"L\d+H\d+", part)
    if named[: len(first)] != first:
        yield f"the first {TOP} heads"
    critical = rows["2.4-critical"]
    count = re.search(r"(\d+) heads? above the study's threshold", part)
    if critical.verdict in ("pass", "fail") and (count is None or float(count.group(1)) != critical.measured):
        yield "the number of critical heads"


def _answers(rows: Mapping[str, CriterionResult], names: tuple[str, ...], part: str) -> Iterator[str]:
    for name in names:
        row = rows[name]
        said = row.answer if row.verdict in ("pass", "fail") and row.answer else f"{row.statement}: {row.verdict}"
        if f"{' '.join(said.split())} [{name}]" not in part:
            yield name


CRITERIA = (
    Criterion(
        "3.3-size",
        "acceptance",
        "Nothing large is committed",
        "Files of more than 100 MB in the output folder that git tracks or would take (`git ls-files`).",
        Rule("==", 0),
        size,
        scope="run",
    ),
    Criterion(
        "3.3-ignore",
        "acceptance",
        "Raw patterns are ignored and averages kept",
        "`git check-ignore` on the files of the study and on every file that is there: attention_patterns_raw.npy, "
        "attention_patterns_full_raw.npy and checkpoints/ are ignored; averages, the summary of the patterns, JSON and CSV are "
        "not. Where the output folder is in no repository, or is ignored as a whole, its own .gitignore is asked alone.",
        Rule("is", "as specified"),
        ignore,
        scope="run",
    ),
    Criterion(
        "3.3-message",
        "acceptance",
        "Commit message from findings",
        "What `codi-harness commit-message` prints for this run has the form of a conventional commit and gives, for each model, "
        "the hub with its score, the answers on sequential flow and skips, the three most critical heads and the number of "
        "critical ones; of two models how they differ; the sample size, layers and heads. Held against the rows of the run, "
        "attention_summary.json and ranked_heads.csv. Committing and pushing are left to the user.",
        Rule("is", "valid"),
        message,
        scope="run",
    ),
)
