"""A log is complete when it has all of its run, and every thing that it can lack is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.files import file_digest
from harness.results import RunResult
from harness.tracking.contents import Contents, Table, contents
from harness.tracking.logged import Logged, missing
from tests.tracking.written import LINES, PAIR, N, files, row, write_run

Change = Callable[[Logged], Logged]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Contents]:
    output = tmp_path_factory.mktemp("reports")
    result = write_run(output)
    return result, contents(result, output)


def perfect(made: Contents) -> Logged:
    return Logged(
        config=dict(made.config),
        tags=list(made.tags),
        history=[*map(dict, made.processed), *map(dict, made.by_layer)],
        tables=dict(made.tables),
        images={key: file_digest(path) for key, path in made.images.items()},
        summary=dict(made.summary),
        finished=True,
    )


def without(name: str, *keys: str) -> Change:
    return lambda log: replace(log, **{name: {key: one for key, one in getattr(log, name).items() if key not in keys}})


def but(name: str, key: str, value: Any) -> Change:
    return lambda log: replace(log, **{name: {**getattr(log, name), key: value}})


def without_rows(key: str) -> Change:
    return lambda log: replace(log, history=[one for one in log.history if key not in one])


def changed_rows(key: str, value: Any) -> Change:
    return lambda log: replace(log, history=[{**one, key: value} if key in one else one for one in log.history])


def another_verdict(log: Logged) -> Logged:
    table = log.tables["criteria"]
    rows = [[*one[:9], "pass", *one[10:]] for one in table.rows]
    return replace(log, tables={**log.tables, "criteria": Table(table.columns, rows)})


def one_head_less(log: Logged) -> Logged:
    table = log.tables["heads/tiny-llama/skip"]
    return replace(log, tables={**log.tables, "heads/tiny-llama/skip": Table(table.columns, table.rows[:9])})


def skip_heads(change: Callable[[list[Any]], list[Any]]) -> Change:
    """The ranking by skip changed in the log and in what the files are said to hold alike."""

    def changed(log: Logged) -> Logged:
        table = log.tables["heads/tiny-llama/skip"]
        return replace(log, tables={**log.tables, "heads/tiny-llama/skip": Table(table.columns, change(table.rows))})

    return changed


@pytest.mark.parametrize(
    "change",
    [
        skip_heads(lambda rows: rows[:9]),
        skip_heads(lambda rows: rows[::-1]),
        skip_heads(lambda rows: [*rows[:9], rows[8]]),
        skip_heads(lambda rows: [*rows, [2, 2, 0.0]]),
        skip_heads(lambda rows: [[*row[:2], None] for row in rows[:1]] + rows[1:]),
    ],
)
def test_ten_different_heads_in_order_are_asked_for_whatever_was_meant_to_be_logged(
    written: tuple[RunResult, Contents], change: Change
) -> None:
    result, made = written
    log = change(perfect(made))
    assert missing(log, replace(made, tables=log.tables), result) == ["top heads of tiny-llama by skip"]


def test_of_a_model_with_fewer_heads_all_are_asked_for(written: tuple[RunResult, Contents]) -> None:
    result, made = written
    llama, other = result.run["models"]
    small = result.model_copy(update={"run": {**result.run, "models": [{**llama, "n_layers": 3, "n_heads": 3}, other]}})
    log = perfect(made)
    rankings = [f"heads/tiny-llama/{one}" for one in ("flow", "hub", "skip", "composite")]
    nine = {key: Table(log.tables[key].columns, log.tables[key].rows[:9]) for key in rankings}
    log = replace(log, tables={**log.tables, **nine})
    expected = replace(made, tables=log.tables, config=log.config)
    assert missing(log, expected, small) == []
    assert [one for one in missing(log, expected, result) if one.startswith("top heads of tiny-llama")]


def test_heads_without_a_score_stand_last(written: tuple[RunResult, Contents]) -> None:
    result, made = written
    log = skip_heads(lambda rows: [*rows[:-1], [*rows[-1][:2], None]])(perfect(made))
    assert missing(log, replace(made, tables=log.tables), result) == []


def test_the_line_plot_is_that_of_the_pair(written: tuple[RunResult, Contents]) -> None:
    result, made = written
    pair = "tiny-llama_vs_other"
    drawn = row("2.6-figures", pair, *files(f"figures/comparison/{pair}", LINES))
    two = result.model_copy(update={"criteria": [*result.criteria, drawn]})
    log = perfect(made)
    assert f"line plots of {pair}" in missing(log, made, two)
    assert f"line plots of {PAIR}" not in missing(log, made, two)
    both = replace(log, images={**log.images, f"figures/comparison/{pair}/{LINES}": "0" * 64})
    assert f"line plots of {pair}" not in missing(both, made, two)


def test_a_log_that_has_all_of_its_run_is_complete(written: tuple[RunResult, Contents]) -> None:
    result, made = written
    assert missing(perfect(made), made, result) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: Logged(), "an end"),
        (lambda log: replace(log, finished=False), "an end"),
        (lambda log: replace(log, damage="cut off"), "readable to its end (cut off)"),
        (without_rows("progress/eta_s"), "problems processed and ETA of tiny-gpt2"),
        (changed_rows("progress/processed", N - 1), "problems processed and ETA of tiny-llama"),
        (without("tables", "layers/tiny-llama"), "statistics by layer of tiny-llama"),
        (without_rows("layers/tiny-gpt2/mean"), "lines over the layers of tiny-gpt2"),
        (changed_rows("layers/tiny-gpt2/variance", 0.5), "statistics as it was computed"),
        *((without("tables", f"heads/tiny-llama/{one}"), f"by {one}") for one in ("flow", "hub", "skip", "composite")),
        (one_head_less, "table heads/tiny-llama/skip as the run's files have it"),
        (without("tables", "critical_heads/tiny-gpt2"), "critical heads of tiny-gpt2"),
        (without("tables", "comparison/tiny-llama_vs_tiny-gpt2"), "the comparison tiny-llama_vs_tiny-gpt2"),
        (without("images", "figures/tiny-gpt2/2_attention_by_layer"), "2_attention_by_layer of tiny-gpt2"),
        (without("images", f"figures/comparison/{LINES}"), "line plots of tiny-llama_vs_tiny-gpt2"),
        (but("images", "figures/tiny-llama/1_top_heads_attention", "0" * 64), "image figures/tiny-llama/1_top_heads"),
        (another_verdict, "verdicts on 2.4-stable, 2.4-stable, 2.6-figures"),
        (without("tables", "criteria"), "and others"),
        (but("config", "seed", 43), "seed in the config"),
        (without("config", "model_name"), "model_name in the config"),
        (without("config", "n_problems"), "n_problems in the config"),
        (but("config", "options", {"controls": "none"}), "config options as the run's files have it"),
        (without("summary", "verdicts/fail"), "summary verdicts/fail"),
        *(
            (lambda log, tag=tag: replace(log, tags=[one for one in log.tags if one != tag]), f"the tag {tag}")
            for tag in ("attention-flow", "synthetic", "tiny-llama", "tiny-gpt2", f"{N}-samples", "phase1", "phase2")
        ),
    ],
)
def test_what_a_log_lacks_is_named(written: tuple[RunResult, Contents], change: Change, said: str) -> None:
    result, made = written
    assert [one for one in missing(change(perfect(made)), made, result) if said in one]


def test_what_the_files_lack_too_is_missed_all_the_same(written: tuple[RunResult, Contents]) -> None:
    result, _ = written
    lacking = missing(Logged(finished=True), Contents(), result)
    assert {"the tag attention-flow", "critical heads of tiny-llama", "the comparison tiny-llama_vs_tiny-gpt2"} <= set(
        lacking
    )
