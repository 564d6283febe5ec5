import base64
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from benchmarks.report import large_run
from harness.criteria.registry import criteria
from harness.documents import phrases
from harness.documents.command import rerun_command
from harness.reporting.explorer import explorer_data
from harness.reporting.html import render
from harness.results import ControlResult

REPORTS = Path("reports")
VOID = {"meta", "link", "img", "input", "br", "hr", "col"}
HOSTILE = "<script>alert(1)</script>"

SAVED = {"folder": "kept", "time": "2026-11-22T10:00:00", "harness": "0.1.0", "declared_differently": []}


class Page(HTMLParser):
    """Checks that tags nest, and keeps elements with their text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.misnested = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "attributes": dict(attributes), "text": "", "inside": [e["tag"] for e in self.open]}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append(
            {"tag": tag, "attributes": dict(attributes), "text": "", "inside": [e["tag"] for e in self.open]}
        )

    def handle_endtag(self, tag):
        if not self.open or self.open.pop()["tag"] != tag:
            self.misnested.append(tag)

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attributes):
        return [
            element
            for element in self.elements
            if element["tag"] == tag and all(element["attributes"].get(k) == v for k, v in attributes.items())
        ]

    def row(self, criterion_id, model="tiny-llama"):
        (body,) = self.all("tbody", id=f"c-{model}-{criterion_id}")
        return body


@pytest.fixture(scope="module")
def page(rendered):
    return Page(rendered)


def words(element):
    return re.sub(r"\s+", " ", element["text"]).strip()


def test_it_is_one_section_whose_tags_nest(page):
    assert page.misnested == []
    assert page.open == []
    assert [e["tag"] for e in page.elements if not e["inside"]] == ["section"]


def test_ids_are_unique(page):
    ids = [e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]]
    assert len(ids) == len(set(ids))


def test_every_criterion_has_its_row_without_a_script(page, every_criterion):
    for item in every_criterion:
        text = words(page.row(item.id, item.model))
        assert item.statement in text
        assert item.definition in text
        assert item.verdict in text


def test_text_of_data_and_models_never_becomes_markup(rendered, page):
    assert "<script>alert" not in rendered
    assert "</script><script>" not in rendered.replace("\n", "")
    assert HOSTILE in words(page.row("1.2-max"))
    assert len(page.all("script")) == 2


def test_hostile_names_stay_inside_their_attributes(make_criterion, make_run, tmp_path):
    name = '"><img src=x onerror=alert(1)>'
    item = make_criterion(model=name, family=name, statement=name, beside={name: name})
    page = Page(render(make_run([item]), tmp_path))
    assert page.all("img") == []
    assert page.row(item.id, name)["attributes"]["data-model"] == name


def test_nothing_is_fetched_from_anywhere(page):
    for element in page.elements:
        for name in ("src", "href", "action", "data"):
            target = element["attributes"].get(name) or ""
            assert not re.match(r"(https?:)?//", target), element


@pytest.mark.parametrize(
    ("criterion_id", "mark"),
    [
        ("2.1-top", "vacuous"),
        ("2.1-top", "selection-biased"),
        ("2.1-share", "cannot fail"),
        ("2.3-random", "unattainable"),
    ],
)
def test_a_mark_is_said_in_the_row_with_its_reason(page, rendered, criterion_id, mark):
    row = rendered[rendered.index(f'id="c-tiny-llama-{criterion_id}"') :]
    visible = row[: row.index('<tr class="ch-more">')]
    assert re.search(rf'<span class="ch-mark[^"]*" title="[^"]{{20,}}">{mark}</span>', visible)


def test_an_unmarked_pass_carries_no_mark(page):
    assert page.row("1.2-max-raw")["attributes"]["data-mark"] == ""


@pytest.mark.parametrize(
    ("criterion_id", "tone"),
    [
        ("1.2-max-raw", "pass"),
        ("2.1-top", "hollow"),
        ("2.1-share", "hollow"),
        ("1.5-ratio", "fail"),
        ("2.4-stable", "skipped"),
    ],
)
def test_a_pass_that_does_not_discriminate_never_looks_like_one_that_does(page, criterion_id, tone):
    assert page.row(criterion_id)["attributes"]["class"].split() == ["ch-item", f"ch-{tone}"]


def test_the_row_says_which_controls_pass(page):
    assert "uniform-context" in words(page.row("2.1-top"))
    assert "0.93" in words(page.row("2.4-types"))


def test_header_names_the_run_and_cards_their_models(page):
    header, card, *_ = page.all("header")
    for fact in ("synthetic: train, 100 of 7,473 problems", "seed 42", "3f1c2ab93f1c…"):
        assert fact in words(header)
    assert "tiny-llama 2 layers × 3 heads, 6 thoughts (CT0 to CT5), 1.24 M parameters" in words(card)


def test_a_run_that_knows_nothing_about_itself_still_renders(make_criterion, make_run, tmp_path):
    result = make_run([make_criterion()])
    result.run.clear()
    assert Page(render(result, tmp_path)).misnested == []


def line(page, title):
    return next(one for one in page.all("article") if words(one).startswith(title))


def test_a_line_gives_verdict_conditions_and_answers(page):
    first, second = line(page, "Phase 1"), line(page, "Phase 2")
    assert "✕ fail" in words(first)
    assert "hub: position 0" in words(first)
    assert "1.5-ratio" in words(first)
    assert "does not discriminate: 2.1-top" in words(second)
    assert "ch-hollow" in second["attributes"]["class"]


def test_counts_keep_hypotheses_apart_from_files_that_were_written(page):
    (total,) = page.all("p", **{"class": "ch-totals"})
    assert words(total) == (
        "1 of 1 validity checks pass Hypotheses: ✓ 3 pass ○ 3 pass, shaky ✕ 1 fail ✕ 1 fail, shaky – 1 not judged "
        "1 of 1 deliverables pass"
    )


def test_a_count_leads_to_the_rows_it_counts(page, every_criterion):
    for chip in page.all("a"):
        asked = parse_qs(chip["attributes"].get("data-ch-show", ""))
        if not asked:
            continue
        shown = [
            one["attributes"]
            for one in page.all("tbody")
            if all(one["attributes"].get(f"data-{key}") == value for key, (value,) in asked.items())
        ]
        assert int(re.findall(r"\d+", words(chip))[0]) == len(shown)


def test_a_study_without_a_phase_has_its_line_too(make_criterion, make_run, tmp_path):
    documents = [
        make_criterion(f"3.1-{name}", model="run", study="phase3", kind="acceptance", verdict=verdict)
        for name, verdict in (("links", "pass"), ("journal", "fail"))
    ]
    mine = make_criterion("mine-1", study="own", statement="My own idea")
    page = Page(render(make_run([*documents, mine]), tmp_path))
    assert "1 of 2 deliverables" in words(line(page, "Phase 3"))
    assert "My own idea: pass (measured 0.5, asked ≥ 0.25)." in words(line(page, "Own hypotheses"))


def test_what_compares_two_models_stands_under_comparison(make_criterion, make_run, tmp_path):
    page = Page(render(make_run([make_criterion("2.6-differ", model="a_vs_b")]), tmp_path))
    assert page.row("2.6-differ", "a_vs_b")["attributes"]["data-study"] == "comparison"
    assert line(page, "Comparison")
    assert "Phase 2" not in words(page.all("section")[0])


def test_the_first_screen_says_what_the_model_does_and_what_is_shaky(make_criterion, make_run, tmp_path):
    hub = {"enrichment": [0.8, 1.3, 1.0], "hub_enrichment": [0.8, 1.2]}
    items = [
        make_criterion("1.5-hub-adjusted", verdict="fail", measured=1.2, threshold=1.25, beside=hub, confidence=0.6),
        make_criterion("1.2-max"),
    ]
    page = Page(render(make_run(items), tmp_path))
    said = words(line(page, "Phase 1"))
    assert "No hub: CT1 gets 1.2 times" in said
    assert "shaky: resamples disagree" in said
    card = words(next(one for one in page.all("section") if one["attributes"].get("aria-label") == "tiny-llama"))
    assert "1 of 1 pass and 0 of 1 fail can be believed." in card
    assert "Shaky: 1 fail (resamples disagree: 1)." in card
    assert "solid passes What 1.2-max claims" in card


def two_models(make_criterion):
    def one(criterion_id, model, **changes):
        return make_criterion(criterion_id, model=model, **changes)

    weaker = {"discriminates": False, "controls": {"uniform": ControlResult(measured=0.4, passes=True)}}
    return [
        *(one("1.2-max", model) for model in "ab"),
        one("1.4-squint", "a"),
        one("1.4-squint", "b", **weaker),
        one("1.5-ratio", "a"),
        one("1.5-ratio", "b", verdict="fail", measured=0.123),
        one("2.1-top", "a"),
    ]


def test_models_stand_side_by_side_with_opposite_verdicts_first(make_criterion, make_run, tmp_path):
    page = Page(render(make_run(two_models(make_criterion)), tmp_path))
    differing, alike = (one for one in page.all("table") if "ch-compared" in one["attributes"]["class"])
    text = words(differing)
    assert text.index("1.5-ratio") < text.index("1.4-squint")
    assert "0.123 ✕ fail" in text
    assert "vacuous" in text
    assert "1.2-max" not in text
    assert "1.2-max" in words(alike)
    assert "2.1-top" not in text + words(alike)


def test_one_model_is_not_compared(page, make_criterion, make_run, tmp_path):
    assert not any(one["attributes"].get("id") == "ch-side-by-side" for one in page.all("section"))


def broken_run(make_criterion, make_run):
    broken = {"kind": "validity", "comparator": "<=", "threshold": 0.01, "measured": 0.2, "verdict": "fail"}
    invalid = {"verdict": "invalid", "reason": "rests on 1.2-sums, which failed"}
    return make_run(
        [
            make_criterion("1.2-sums", **broken),
            make_criterion("1.5-ratio", **invalid),
            make_criterion("2.4-named", verdict="invalid", reason="rests on 1.5-ratio, which failed"),
            make_criterion("1.5-ratio", model="other", **invalid),
        ]
    )


def test_a_broken_check_comes_first_in_one_sentence(make_criterion, make_run, tmp_path):
    page = Page(render(broken_run(make_criterion, make_run), tmp_path))
    (banner,) = page.all("div", role="alert")
    text = words(banner)
    assert "Do not read the numbers of tiny-llama yet" in text
    assert "1.2-sums" in text
    assert "measured 0.2, the rule is ≤ 0.01" in text
    assert "2 criteria that rest on it are invalid, not failed" in text
    order = [e["tag"] for e in page.elements if e["tag"] in {"header", "article"} or e is banner]
    assert order[:2] == ["header", "div"]


def test_no_banner_where_nothing_broke(page):
    assert page.all("div", role="alert") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"controls": "none"}, "No controls were evaluated"),
        ({"controls": "cheap"}, "Only controls that need no further extraction"),
        ({"declarations_changed": ["1.5-ratio"]}, "differ from the approved ones: 1.5-ratio"),
        ({"options": {"quick": True}}, "A quick run"),
        ({"from_results": SAVED}, "Judged again from the results in kept (2026-11-22"),
    ],
)
def test_what_limits_the_reading_is_said(make_criterion, make_run, tmp_path, changes, said):
    assert said in render(make_run([make_criterion()], **changes), tmp_path)


def test_a_figure_is_embedded_once_and_linked_beside_the_page(page, filled_output):
    first, second = page.all("img")
    png = base64.b64decode(first["attributes"]["src"].removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG")
    assert len(png) < 40_000
    assert "src" not in second["attributes"]
    assert second["attributes"]["data-ch-same"] == first["attributes"]["id"]
    for link in page.all("a"):
        href = link["attributes"]["href"]
        assert href.startswith("#") or (filled_output / href).is_file()


def test_a_file_that_is_not_there_is_named_but_not_linked(page):
    assert "results/tiny-llama/absent.json (not written)" in words(page.row("1.2-max-raw"))


def test_every_inner_link_has_its_target(page):
    ids = {e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]} | {"ch-log"}
    targets = {a["attributes"]["href"][1:] for a in page.all("a") if a["attributes"]["href"].startswith("#")}
    assert targets
    assert targets <= ids


def test_hypotheses_get_a_strip_and_acceptance_criteria_none(page):
    assert any("measured 0.2;" in e["attributes"].get("aria-label", "") for e in page.all("svg"))
    assert "svg" not in {e["tag"] for e in page.elements if "c-run-1.1-count" in e["attributes"].get("id", "")}
    assert len(page.all("svg", **{"class": "ch-strip"})) == 8


def test_the_explorer_carries_patterns_and_scores(filled_output):
    data = explorer_data(filled_output / "results/tiny-llama")
    assert (data["layers"], data["heads"], data["thoughts"]) == (2, 3, 6)
    strongest = next(record for record in data["records"] if record["rank"] == 1)
    assert (strongest["layer"], strongest["head"]) == (1, 2)
    assert strongest["pattern"][4][0] == 0.9877
    assert data["scores"] == ["head_max, largest weight", "composite_score"]
    assert strongest["scores"] == [0.9877, 0.5]


def test_the_explorer_survives_its_script_tag(page):
    (script,) = page.all("script", type="application/json")
    assert json.loads(script["text"])["records"][0]["type"] == f"</script>{HOSTILE}"


def test_without_the_files_there_is_no_explorer(make_criterion, make_run, tmp_path):
    assert explorer_data(tmp_path) is None
    assert "application/json" not in render(make_run([make_criterion()]), tmp_path)


def test_the_command_selects_this_criterion_alone_and_spares_this_report(make_criterion):
    options = {"models": ["a", "b"], "dataset": "synthetic", "n_problems": 50, "seed": 7, "controls": "cheap"}
    command = shlex.split(rerun_command(make_criterion(model="b"), {"options": options}, REPORTS))
    assert command[0] == "pytest"
    assert command[1].endswith("::test_criterion[b-1.5-ratio]")
    assert command[2:] == [
        *("--model", "b", "--dataset", "synthetic", "--n-problems", "50", "--seed", "7"),
        *("--controls", "cheap", "--output", "reports/rerun"),
    ]


def test_the_command_keeps_what_decides_an_intervention_study(make_criterion):
    options = {"models": ["a"], "sweep_problems": 200, "ablate_at": ["late", "all"]}
    command = rerun_command(make_criterion("I.2-matters", model="a"), {"options": options}, REPORTS)
    assert "test_story_i_2_ablation.py::test_criterion" in command
    assert "--sweep-problems 200 --ablate-at late --ablate-at all" in command
    assert "--sweep-problems" not in rerun_command(make_criterion(), {"options": {"sweep_problems": 1000}}, REPORTS)


def test_the_command_of_a_pair_names_both_models(make_criterion):
    command = rerun_command(make_criterion("2.6-differ", model="a_vs_b"), {"options": {"models": list("abc")}}, REPORTS)
    assert "--model a --model b --output" in command


def test_what_looks_at_results_is_judged_again_where_they_are(make_criterion):
    criterion = make_criterion("3.1-links", model="run", study="phase3")
    command = shlex.split(rerun_command(criterion, {"options": {"models": ["a"]}}, REPORTS))
    assert command[1] == "checks/test_story_3_1_documents.py::test_criterion[run-3.1-links]"
    assert command[-2:] == ["--output", "reports"]


def test_what_reads_the_log_is_judged_again_with_a_log(make_criterion):
    criterion = make_criterion("3.2-wandb", model="run", study="phase3")
    assert " --wandb offline " in rerun_command(criterion, {"options": {}}, REPORTS)
    others = make_criterion("3.1-links", model="run", study="phase3"), make_criterion()
    assert not any("--wandb" in rerun_command(one, {"options": {}}, REPORTS) for one in others)


def test_the_command_on_the_page_names_the_folder_of_the_page(make_criterion, make_run, tmp_path, monkeypatch):
    items = [make_criterion("3.1-links", model="run", study="phase3"), make_criterion()]
    monkeypatch.chdir(tmp_path)
    for output, said in (
        (tmp_path / "mine/here", "mine/here"),
        (Path("mine"), "mine"),
        (tmp_path.parent / "elsewhere", str(tmp_path.parent / "elsewhere")),
    ):
        text = render(make_run(items), output)
        assert re.findall(r"--output (\S+?)</code>", text) == [f"{said}/rerun", said]


def test_a_large_report_stays_small_enough_to_open(tmp_path):
    text = render(large_run(tmp_path), tmp_path)
    assert text.count('<tr class="ch-row">') == 400
    assert len(text.encode()) < 4_600_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (4.77e-7, "4.8e-07"),
        (0.2345, "0.234"),
        (12.345, "12.3"),
        (999.96, "1,000"),
        (10800.0, "10,800"),
        (7473, "7,473"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_are_readable(value, text):
    assert phrases.number(value) == text


@pytest.mark.parametrize(("value", "threshold"), [(0.99996, 1.0), (0.70001, 0.7), (0.0499996, 0.05), (10799.6, 10800)])
def test_rounding_never_carries_a_number_across_its_threshold(value, threshold):
    shown = float(phrases.number(value, threshold).replace(",", ""))
    assert (shown > threshold) == (value > threshold)
    assert shown != threshold


@pytest.mark.parametrize(
    ("comparator", "threshold", "text"),
    [
        (">=", 0.1, "≥ 0.1"),
        ("<", 0.2, "< 0.2"),
        ("==", 100, "= 100"),
        ("between", [2, 3], "2 to 3"),
        ("in", [1, 2], "1 or 2"),
        ("is", "present and consistent", "present and consistent"),
    ],
)
def test_rules_are_readable(comparator, threshold, text):
    assert phrases.rule(comparator, threshold) == text


@pytest.mark.parametrize("shorthand", phrases.IN_WORDS)
def test_a_rule_in_shorthand_is_shown_in_words(make_criterion, shorthand):
    row = make_criterion(kind="acceptance", comparator="is", threshold=shorthand, measured=shorthand)
    assert (phrases.asked(row), phrases.found(row)) == (phrases.IN_WORDS[shorthand], "as asked")
    assert phrases.found(row.model_copy(update={"measured": "wrong: 3"})) == "wrong: 3"


def test_no_shorthand_reaches_a_reader():
    """Every rule in words that is declared is either readable as it is or has words for it."""
    declared = {str(one.rule) for one in criteria() if one.rule.comparator == "is"}
    assert {text for text in declared if re.search(r"==|<=|[{}]", text)} == set(phrases.IN_WORDS)


def test_all_resamples_agreeing_is_not_certainty():
    assert phrases.confidence(1.0) == "≥ 0.9995"
    assert phrases.confidence(0.93) == "0.93"


def test_controls_that_should_pass_are_called_expected(make_criterion):
    both = {name: ControlResult(measured=0.1, passes=True) for name in ("uniform", "untrained")}
    expected = make_criterion(controls=both, null_should_pass=True, discriminates=None)
    assert phrases.passing_controls(expected) == "all (expected)"
    assert phrases.passing_controls(make_criterion(controls=both, discriminates=False)) == "all"
    assert phrases.passing_controls(make_criterion()) == "none"
    assert phrases.passing_controls(make_criterion(controls={})) == "–"


def test_the_control_model_has_its_name_and_a_sentence_of_what_it_fails(make_criterion, make_run, tmp_path):
    def one(criterion_id, passes, **given):
        control = {"measured": 0.1, "passes": passes}
        return make_criterion(criterion_id, verdict="pass", controls={"control-model": control}, **given)

    items = [one("1.2-max", False), one("1.3-structured", True), one("1.4-squint", False)]
    run = make_run(
        [*items, one("1.3-consistent", True, null_should_pass=True), make_criterion("1.5-ratio", verdict="fail")]
    )
    run.run["control_model"] = "tiny-llama-pause"
    text = re.sub(r"<[^>]+>|\s+", " ", render(run, tmp_path))
    assert "tiny-llama-pause fails 2 of them (1.2-max and 1.4-squint) and passes 1 too (1.3-structured)" in text
    assert "control-model" not in render(run, tmp_path).replace("--control-model", "")


def test_a_single_problem_is_said_to_be_one(make_criterion, make_run, tmp_path):
    run = make_run([make_criterion("1.2-max")])
    run.run["dataset"] = {"name": "synthetic", "split": "train", "n": 1}
    assert "One problem only" in render(run, tmp_path)
    run.run["dataset"]["n"] = 2
    assert "One problem only" not in render(run, tmp_path)


def test_the_page_says_which_problems_each_study_looked_at(make_run, make_criterion, tmp_path):
    run = make_run([make_criterion()])
    run.run["samples"] = [
        {
            "studies": ["phase1", "phase2"],
            "split": "train",
            "n": 100,
            "split_size": 7473,
            "as_many_of_each_difficulty": False,
        },
        {"studies": ["importance"], "split": "test", "n": 100, "split_size": 1319, "as_many_of_each_difficulty": True},
        {"studies": ["behaviour"], "split": "test", "n": 1319, "split_size": 1319, "as_many_of_each_difficulty": False},
    ]
    said = words(Page(render(run, tmp_path)).all("section")[0])
    assert "train, 100 of 7,473 problems (Phase 1 and Phase 2)" in said
    assert "test, 100 of 1,319 problems, as many of each difficulty (Importance of each thought)" in said
    assert "test, all 1,319 problems (Behaviour under intervention)" in said


@pytest.mark.parametrize(("n", "named"), [(7473, "7,473 problems"), (7470, "7,470 problems, 3 left out")])
def test_phase_4_names_the_complete_set_and_how_many_problems_it_has(make_run, make_criterion, tmp_path, n, named):
    row = make_criterion("4.3-overlap", study="phase4", n_problems=n)
    run = make_run([make_criterion(), row])
    first = {"studies": ["phase1"], "split": "train", "n": 100, "split_size": 7473, "complete": False}
    second = {**first, "studies": ["phase2"], "another": True}
    run.run["samples"] = [first, second, {**first, "studies": ["phase4"], "n": n, "complete": True}]
    page = Page(render(run, tmp_path))
    said = words(page.all("section")[0])
    assert "train, 100 of 7,473 problems (Phase 1); train, another 100 of 7,473 problems (Phase 2)" in said
    assert f"train, complete set, {named} (Phase 4)" in said
    assert f"problems {n:,}" in words(page.row("4.3-overlap"))


def test_a_pass_that_no_control_was_asked_about_is_marked(make_criterion):
    bare = make_criterion(verdict="pass", kind="hypothesis", discriminates=None, controls={})
    assert "no controls" in [word for word, _ in phrases.marks(bare)]
    for other in ({"discriminates": True}, {"verdict": "fail"}, {"kind": "validity"}, {"null_should_pass": True}):
        assert "no controls" not in [word for word, _ in phrases.marks(bare.model_copy(update=other))]


def test_checks_that_were_not_judged_are_not_counted_as_failing(make_criterion, make_run, tmp_path):
    rows = [
        make_criterion("1.2-sums", kind="validity"),
        make_criterion("1.2-oracle", kind="validity", verdict="skipped"),
    ]
    (totals,) = Page(render(make_run(rows), tmp_path)).all("p", **{"class": "ch-totals"})
    assert words(totals).startswith("1 of 1 validity checks pass, 1 not judged")
