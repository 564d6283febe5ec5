from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.errors import HarnessError
from harness.plugin.baselines import Baselines, Conditions, approve, file_of, read
from harness.plugin.collection import Case
from harness.results import CriterionResult

CONDITIONS = Conditions(dataset="synthetic", dataset_fingerprint="f" * 64, n_problems=100, seed=42, controls="all")
PROVENANCE: dict[str, Any] = {
    "dataset": {"name": "synthetic", "fingerprint": "f" * 64, "n": 100},
    "seed": 42,
    "controls": "all",
    "sweep_problems": 1000,
}
DAY = date(2026, 1, 2)


def criterion(name: str = "1.2-max", threshold: float = 0.1, statement: str = "s") -> Criterion:
    return Criterion(name, "hypothesis", statement, "d", Rule(">=", threshold), lambda evidence: Measurement(None))


def result(of: Criterion, verdict: str = "pass", measured: float = 0.2) -> CriterionResult:
    return CriterionResult(
        id=of.id,
        story=of.story,
        study=of.study,
        kind=of.kind,
        model="m",
        statement=of.statement,
        definition=of.definition,
        measured=measured,
        comparator=of.rule.comparator,
        threshold=of.rule.threshold,
        verdict=verdict,  # type: ignore[arg-type]
    )


def approved(folder: Path, *judged: tuple[Criterion, CriterionResult], conditions: Conditions = CONDITIONS) -> Any:
    return approve(folder, judged, conditions, "d" * 64, DAY)


def test_approved_verdicts_are_read_back_with_value_rule_and_conditions(tmp_path: Path) -> None:
    approved(tmp_path, (criterion(), result(criterion(), measured=0.25)))
    baselines = Baselines.read(tmp_path, [Case(criterion(), "m")], PROVENANCE, required=True)
    found = baselines.approved(result(criterion()))
    assert found is not None
    assert (found.verdict, found.measured) == ("pass", 0.25)
    assert "0.1" in found.rule
    baseline = baselines.by_scope["m"]
    assert (baseline.conditions, baseline.approved, baseline.declarations_sha256) == (CONDITIONS, DAY, "d" * 64)


def test_a_partial_approval_keeps_what_it_did_not_evaluate(tmp_path: Path) -> None:
    other = criterion("1.2-spread")
    approved(tmp_path, (criterion(), result(criterion())), (other, result(other)))
    approved(tmp_path, (criterion(), result(criterion(), "fail")))
    stored = read(file_of(tmp_path, "m", "synthetic")).criteria
    assert {name: one.verdict for name, one in stored.items()} == {"1.2-max": "fail", "1.2-spread": "pass"}


@pytest.mark.parametrize("reason", ["needs the model", "needs --wandb"])
def test_what_could_not_be_evaluated_is_neither_approved_nor_takes_the_place_of_what_was(
    tmp_path: Path, reason: str
) -> None:
    other = criterion("1.2-spread")
    approved(tmp_path, (criterion(), result(criterion())))
    unseen = [result(one, "skipped").model_copy(update={"reason": reason}) for one in (criterion(), other)]
    (said,) = approved(tmp_path, (criterion(), unseen[0]), (other, unseen[1])).values()
    stored = read(file_of(tmp_path, "m", "synthetic")).criteria
    assert {name: one.verdict for name, one in stored.items()} == {"1.2-max": "pass"}
    assert said == "0 verdicts, 0 changed"


def test_what_is_skipped_for_good_is_approved(tmp_path: Path) -> None:
    undefined = result(criterion(), "skipped").model_copy(update={"reason": "fewer than two layers"})
    approved(tmp_path, (criterion(), undefined))
    assert read(file_of(tmp_path, "m", "synthetic")).criteria["1.2-max"].verdict == "skipped"


def test_verdicts_from_other_conditions_are_not_mixed_in_one_file(tmp_path: Path) -> None:
    other = criterion("1.2-spread")
    approved(tmp_path, (criterion(), result(criterion())), (other, result(other)))
    fewer = CONDITIONS.model_copy(update={"n_problems": 10})
    (said,) = approved(tmp_path, (criterion(), result(criterion())), conditions=fewer).values()
    baseline = read(file_of(tmp_path, "m", "synthetic"))
    assert set(baseline.criteria) == {"1.2-max"}
    assert baseline.conditions == fewer
    assert "1 dropped" in said


@pytest.mark.parametrize(
    ("changed", "there", "here"),
    [
        ({"dataset": {"name": "synthetic", "fingerprint": "a" * 64, "n": 100}}, "f" * 12, "a" * 12),
        ({"dataset": {"name": "synthetic", "fingerprint": "f" * 64, "n": 10}}, "100", "10"),
        ({"seed": 7}, "42", "7"),
        ({"controls": "cheap"}, "all", "cheap"),
    ],
)
def test_other_options_are_an_error_that_names_both(
    tmp_path: Path, changed: dict[str, Any], there: str, here: str
) -> None:
    approved(tmp_path, (criterion(), result(criterion())))
    with pytest.raises(HarnessError) as error:
        Baselines.read(tmp_path, [Case(criterion(), "m")], {**PROVENANCE, **changed}, required=True)
    assert str(file_of(tmp_path, "m", "synthetic")) in str(error.value)
    assert f"{there}" in str(error.value)
    assert f"{here}" in str(error.value)
    assert "--approve" in str(error.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"m\.synthetic\.json does not exist.*--approve"):
        Baselines.read(tmp_path, [Case(criterion(), "m")], PROVENANCE, required=True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "scope": "m"}'])
def test_a_damaged_file_is_one_clear_message(tmp_path: Path, content: str) -> None:
    file_of(tmp_path, "m", "synthetic").write_text(content)
    with pytest.raises(HarnessError, match="is not a file of approved verdicts"):
        Baselines.read(tmp_path, [Case(criterion(), "m")], PROVENANCE, required=True)


def test_a_damaged_file_is_named_but_stops_no_run_that_compares_nothing(tmp_path: Path) -> None:
    file_of(tmp_path, "m", "synthetic").write_text("{")
    baselines = Baselines.read(tmp_path, [Case(criterion(), "m")], PROVENANCE, required=False)
    assert baselines.by_scope == {}
    assert "m.synthetic.json is not a file of approved verdicts" in baselines.unreadable[0]


@pytest.mark.parametrize("edited", [criterion(threshold=0.2), criterion(statement="another sentence")])
def test_an_edited_declaration_is_named(tmp_path: Path, edited: Criterion) -> None:
    other = criterion("1.2-spread")
    approved(tmp_path, (criterion(), result(criterion())), (other, result(other)))
    baselines = Baselines.read(tmp_path, [Case(edited, "m"), Case(other, "m")], PROVENANCE, required=True)
    assert baselines.edited == ["1.2-max"]


def test_without_the_gate_missing_files_and_other_options_are_no_error(tmp_path: Path) -> None:
    assert Baselines.read(tmp_path, [Case(criterion(), "m")], PROVENANCE, required=False) == Baselines()
    approved(tmp_path, (criterion(), result(criterion())))
    other = {**PROVENANCE, "seed": 7}
    baselines = Baselines.read(tmp_path, [Case(criterion(threshold=0.2), "m")], other, required=False)
    assert baselines.edited == ["1.2-max"]


def test_approving_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    approved(tmp_path, (criterion(), result(criterion())))
    first = file_of(tmp_path, "m", "synthetic").read_bytes()
    approved(tmp_path, (criterion(), result(criterion())))
    assert file_of(tmp_path, "m", "synthetic").read_bytes() == first
