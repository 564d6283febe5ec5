"""Story 3.1: reports, journal and README are there, say what was found, and agree with the data; all read again."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.finished import FinishedRun
from harness.documents.entries import entry_of
from harness.documents.experiment import COMPARISON, FLOW, KEY_QUESTIONS, Experiment
from harness.documents.links import dead_links, dead_links_of_page
from harness.documents.markdown import plain
from harness.documents.numbers import Known, strangers, texts_in, values_in
from harness.documents.phrases import rule, scope_name
from harness.documents.readme import KEY, SECTIONS

HEADINGS = (
    "Objective",
    "Methodology",
    "Key findings",
    "Key questions",
    "Results",
    "Validation of hypotheses",
    "Figures and data",
)
JOURNAL_FIELDS = ("Models", "Dataset", "TL;DR", "Findings", "Links")
FEWEST_FINDINGS, MOST_FINDINGS = 3, 5
INVENTORY = "docs/DATA_INVENTORY.md"
FIGURE = re.compile(r"figures/(?:[^/]+/)+[1-8]_[^/]+\.(?:png|pdf)")
SURE = 1 - 1 / 2000
"""What stands for a confidence of 1."""


def reports(study: FinishedRun) -> Measurement:
    """What the reports lack: files, sections, criteria with their verdicts, figures and data."""
    study.require_all(FLOW.studies)
    wrong = []
    for path, experiment in study.documents.experiments.items():
        place = study.absolute(path)
        wrong += [f"{place.name}: {what}" for what in _lacking(experiment, place)]
    written = {(one.subject.suffix, one.scope) for one in study.documents.experiments.values()}
    due = {(FLOW.suffix, model) for model in study.models} | {(COMPARISON.suffix, pair) for pair in study.pairs}
    wrong += [f"no {suffix} of {scope}" for suffix, scope in sorted(due - written)]
    return _present(study, wrong, study.documents.experiments)


def _lacking(experiment: Experiment, place: Path) -> Iterator[str]:
    text = place.read_text(encoding="utf-8")
    if text != experiment.text:
        yield "not what criteria.json gives"
    parts = _parts(text, 2)
    yield from (f"no section {name}" for name in HEADINGS if not parts.get(name, "").strip())
    lines = parts.get("Results", "").splitlines()
    for row in experiment.rows:
        found = [line for line in lines if f"[{row.id}] |" in line]
        if len(found) != 1 or f"**{row.verdict}**" not in found[0]:
            yield f"{row.id} does not stand among the results with its verdict"
    shown = parts.get("Figures and data", "")
    for path in {path for row in experiment.rows for path in row.artifacts if not path.endswith(".pdf")}:
        if f"]({experiment.up}{path})" not in shown:
            yield f"no link to {path}"


def journal(study: FinishedRun) -> Measurement:
    """What the entry of this run lacks, or that it is there twice."""
    study.require_all(FLOW.studies)
    written = study.documents
    text = study.absolute(written.journal).read_text(encoding="utf-8")
    entry = entry_of(text, written.journal_key)
    fields = dict(re.findall(r"^- \*\*([^*]+):\*\* ?(.*)$", entry, re.M))
    wrong = [f"no {name}" for name in JOURNAL_FIELDS if name not in fields]
    if entry.strip() != written.entry.text.strip():
        wrong.append("not what criteria.json gives")
    if text.count(f"<!-- entry {written.journal_key} -->") != 1:
        wrong.append("not there once")
    if not re.search(rf"^## {study.provenance['time'][:10]} · \S", entry, re.M):
        wrong.append("no date and name")
    wrong += [f"{model} is not named" for model in study.models if plain(model) not in fields.get("Models", "")]
    if f"{study.provenance['dataset']['n']:,} of" not in fields.get("Dataset", ""):
        wrong.append("no size of the dataset")
    found = len(re.findall(r"^  \d+\. \S", entry, re.M))
    if not FEWEST_FINDINGS <= found <= MOST_FINDINGS:
        wrong.append(f"{found} findings")
    return _present(study, wrong, (written.journal,))


def questions(study: FinishedRun) -> Measurement:
    """In how many of the five questions every report has the answer of the criterion that gives it."""
    if not study.pairs:
        raise NotMeasured("needs two models: the last question is how they differ")
    study.require_all(FLOW.studies)
    kept = [
        (experiment, _parts(study.absolute(path).read_text(encoding="utf-8"), 3))
        for path, experiment in study.documents.experiments.items()
        if experiment.subject in (FLOW, COMPARISON)
    ]
    answered = [
        question.asked
        for question in KEY_QUESTIONS
        if all(
            _answers(study, scope, name, parts.get(question.asked, ""))
            for experiment, parts in kept
            for scopes, names in ((experiment.models, question.of_models), (experiment.pairs, question.of_pairs))
            for scope, name in product(scopes, names[:1])
        )
    ]
    left = [question.asked for question in KEY_QUESTIONS if question.asked not in answered]
    return Measurement(
        f"{len(answered)} of {len(KEY_QUESTIONS)}",
        n_problems=study.provenance["dataset"]["n"],
        answer=f"answered in {len(kept)} reports" if not left else f"not answered in each report: {'; '.join(left)}",
        artifacts=tuple(study.documents.experiments),
    )


def _answers(study: FinishedRun, scope: str, name: str, part: str) -> bool:
    row = study.of(scope)[name]
    said = plain(row.answer or "") if row.verdict in ("pass", "fail") else f"**{row.verdict}**"
    return any(said in line and f"[{name}]" in line for line in part.splitlines()) and bool(said)


def figures(study: FinishedRun) -> Measurement:
    """Figure files of phases 1 and 2 in the folders of the models and of the comparison."""
    if not study.pairs:
        raise NotMeasured("needs two models")
    named = {path for one in study.judged if one.study in FLOW.studies for path in one.artifacts}
    drawn = [path for path in sorted(named) if FIGURE.fullmatch(path) and study.absolute(path).is_file()]
    counts = Counter(path.split("/")[1] for path in drawn)
    return Measurement(sum(counts.values()), beside={**counts})


def readme(study: FinishedRun) -> Measurement:
    """Sections of README.md that have something in them."""
    written = study.documents
    text = entry_of(study.absolute(written.readme).read_text(encoding="utf-8"), KEY)
    parts = _parts(text, 2)
    found = [name for name in SECTIONS if parts.get(name, "").strip()]
    return Measurement(
        f"{len(found)} of {len(SECTIONS)}"
        + ("" if text.strip() == written.readme_text.strip() else ", not what criteria.json gives"),
        answer=None if len(found) == len(SECTIONS) else f"missing: {', '.join(sorted({*SECTIONS} - {*found}))}",
        artifacts=(written.readme,),
    )


def numbers(study: FinishedRun) -> Measurement:
    """Numbers of the documents of this run that are not in the rows they cite, nor facts of the run."""
    study.require_all(FLOW.studies)
    written, data = study.documents, _Data(study)
    texts = [
        (path, {*one.models, *one.pairs, "run"}, study.absolute(path).read_text(encoding="utf-8"))
        for path, one in written.experiments.items()
    ]
    scopes = {*study.models, *study.pairs, "run"}
    for path, key in ((written.journal, written.journal_key), (written.readme, KEY)):
        texts.append((path, scopes, entry_of(study.absolute(path).read_text(encoding="utf-8"), key)))
    strange = []
    for name, about, text in texts:
        found = strangers(text, partial(_known, data, about))
        strange += [(name, token, part) for token, part in found]
    return Measurement(
        len(strange),
        answer=f"{len(texts)} documents read again"
        + "".join(f"; {token} in {Path(name).name}: {part.strip()[:80]}" for name, token, part in strange[:3]),
        artifacts=tuple(written.reports),
    )


def _known(data: "_Data", scopes: Collection[str], cited: Sequence[str], part: str) -> Known:
    return data.known(cited, _named(part, scopes))


def _named(part: str, scopes: Collection[str]) -> frozenset[str]:
    """Whom a sentence is about: the model or comparison it begins with, else all that the document is about."""
    begins = [scope for scope in scopes if re.search(rf"(?:^|[-?.] ){re.escape(plain(scope_name(scope)))}: ", part)]
    return frozenset(begins or scopes)


class _Data:
    """What sentences may say, by what they cite and whom they are about."""

    def __init__(self, study: FinishedRun):
        self._study = study
        self._run = json.loads(json.dumps(study.provenance))
        self._known: dict[tuple[tuple[str, ...], frozenset[str]], Known] = {}

    def known(self, cited: Sequence[str], scopes: frozenset[str]) -> Known:
        """Numbers of the rows that are cited; where none is, facts of the run."""
        key = tuple(sorted(set(cited))), scopes
        if key not in self._known:
            rows = [one for one in self._study.judged if one.id in key[0] and one.model in scopes | {"run"}]
            content = [one.model_dump(mode="json") for one in rows]
            values = [*values_in(content)]
            texts = [*texts_in(content), *(rule(one.comparator, one.threshold) for one in rows)]
            if any(one.confidence == 1 for one in rows):
                values.append(SURE)
            if not rows:
                values += [*values_in(self._run)]
            if "run" in cited:
                values += [self._run["dataset"]["n"] / one["seconds"] for one in self._run["models"] if one["seconds"]]
            if "counted" in cited:
                values += self._counts(scopes)
            if "phase verdict" in cited:
                texts += [phase.verdict for phase in self._study.result.phases if phase.scope in scopes]
            self._known[key] = Known(texts, values)
        return self._known[key]

    def _counts(self, scopes: Collection[str]) -> Iterator[float]:
        """Of each set of studies of a scope: hypotheses by verdict; of everything together, all rows."""
        rows = self._study.judged
        if len(scopes) > 1:
            yield from Counter(one.verdict for one in rows).values()
        for experiment in self._study.documents.experiments.values():
            if experiment.scope not in scopes:
                continue
            claims = [
                one
                for one in rows
                if one.model == experiment.scope
                and one.study in experiment.subject.studies
                and one.kind == "hypothesis"
            ]
            yield len(claims)
            yield sum(one.verdict == "pass" for one in claims)
            yield sum(bool(one.discriminates) for one in claims)
            yield sum(one.verdict in ("invalid", "skipped") for one in claims)


def links(study: FinishedRun) -> Measurement:
    """Links of the documents and of the page that lead to no file."""
    later = [study.absolute("index.html")]
    dead = [
        f"{path.relative_to(study.output)}: {target}"
        for path in [*sorted(study.absolute("docs").rglob("*.md")), *study.output.glob("README.md")]
        for target in dead_links(path.read_text(encoding="utf-8"), path.parent, later)
    ]
    named = {path for one in study.result.criteria for path in one.artifacts}
    dead += [f"criteria.json: {path}" for path in sorted(named) if not study.absolute(path).exists()]
    dead += [f"index.html: {target}" for target in dead_links_of_page(study.page(study.result), study.output)]
    return Measurement(
        len(dead), answer=f"broken: {'; '.join(dead[:3])}" if dead else None, beside={"broken": dead[:20]}
    )


def _parts(text: str, level: int) -> dict[str, str]:
    """What stands under each heading of a level, up to the next of that level or above."""
    parts: dict[str, list[str]] = {}
    under: list[str] = []
    for line in text.splitlines():
        heading = re.match(r"(#+) (.*)", line)
        if heading and len(heading.group(1)) <= level:
            under = parts.setdefault(heading.group(2), [])
        else:
            under.append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def _present(study: FinishedRun, wrong: Sequence[str], paths: "Sequence[str] | dict[str, Experiment]") -> Measurement:
    return Measurement(
        "present" if not wrong else f"wrong: {'; '.join(wrong[:3])}",
        n_problems=study.provenance["dataset"]["n"],
        artifacts=tuple(paths),
    )


CRITERIA = (
    Criterion(
        "3.1-reports",
        "acceptance",
        "Experiment reports are generated",
        "A report on the attention of each model, docs/experiments/{MM-DD}_{model}_{dataset}_attention_flow_analysis.md, and on "
        "every two of them ({MM-DD}_both_{dataset}_model_comparison.md for a single pair), re-read: objective, methodology, key "
        "findings and questions, results with every criterion of its studies and the verdict on it, what became of each "
        "hypothesis, links to all figures and data.",
        Rule("is", "present"),
        reports,
        scope="run",
    ),
    Criterion(
        "3.1-journal",
        "acceptance",
        "Research journal entry",
        "docs/research_journal.md has exactly one entry for these models on these problems, with date, name, models, size of the "
        "dataset, a TL;DR, three to five findings, and links.",
        Rule("is", "present"),
        journal,
        scope="run",
    ),
    Criterion(
        "3.1-questions",
        "acceptance",
        "Key questions answered",
        "Questions that every report on attention and on the comparison answers, with the answer that criteria.json has: hub, "
        "sequential flow, skips, two or three critical heads of each model, how the models differ.",
        Rule("is", f"{len(KEY_QUESTIONS)} of {len(KEY_QUESTIONS)}"),
        questions,
        scope="run",
    ),
    Criterion(
        "3.1-figures",
        "acceptance",
        "Twenty or more figures for two models",
        "Files of the figures of phases 1 and 2, png and pdf counted on their own, in the folders of all models and comparisons.",
        Rule(">=", 20),
        figures,
        scope="run",
    ),
    Criterion(
        "3.1-readme",
        "acceptance",
        "README of the experiment",
        "README.md of the output folder has quick start, how to reproduce, file structure, command line, expected outputs and "
        "expected runtime, none of them empty.",
        Rule("is", f"{len(SECTIONS)} of {len(SECTIONS)}"),
        readme,
        scope="run",
    ),
    Criterion(
        "3.1-numbers",
        "validity",
        "Documents agree with the data",
        "Numbers in the reports on experiments, in the entry of the journal and in the README that are neither in the rows of "
        "criteria.json that their line cites (to the digits given, or in percent) nor facts of the run. The reports of stories "
        "4.4 and B.7 are held against their own data there.",
        Rule("==", 0),
        numbers,
        scope="run",
    ),
    Criterion(
        "3.1-links",
        "acceptance",
        "All links work",
        "Relative links in docs/, in README.md and in the HTML report that lead to no file, or to no place in the page, and "
        "files that rows name and that are not there. Judged after all others.",
        Rule("==", 0),
        links,
        scope="run",
    ),
)
