"""What a log is made of, held against the files it is made from."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from harness.tracking.contents import Table, contents, layer_statistics, tags_of
from tests.tracking.written import MODELS, PAIR, H, L, N, T, comparison, raw_of, row, run_of, write_run


class TestLayerStatistics:
    def test_they_are_over_all_that_a_thought_may_read(self) -> None:
        raw = raw_of("tiny-llama").astype(np.float64)
        for layer, found in enumerate(layer_statistics(raw)):
            weights = [
                raw[n, layer, head, i, j] for n, head, i, j in product(range(N), range(H), range(T), range(T)) if j <= i
            ]
            mean = sum(weights) / len(weights)
            variance = sum((weight - mean) ** 2 for weight in weights) / len(weights)
            assert found == pytest.approx({"mean": mean, "std": variance**0.5, "variance": variance}, rel=1e-12)

    def test_what_is_above_the_diagonal_does_not_count(self) -> None:
        raw = raw_of("tiny-llama")
        changed = raw + np.triu(np.full((T, T), 7.0), 1).astype(np.float32)
        assert layer_statistics(changed) == layer_statistics(raw)


class TestContents:
    def test_every_model_has_its_statistics_as_a_table_and_as_points(self, tmp_path: Path) -> None:
        made = contents(write_run(tmp_path), tmp_path)
        for name in MODELS:
            expected = [[layer, *one.values()] for layer, one in enumerate(layer_statistics(raw_of(name)))]
            assert made.tables[f"layers/{name}"] == Table(["layer", "mean", "std", "variance"], expected)
            points = [point for point in made.by_layer if f"layers/{name}/mean" in point]
            assert [list(point.values()) for point in points] == expected

    @pytest.mark.parametrize("score", ["flow", "hub", "skip", "composite"])
    def test_the_ten_heads_that_come_first(self, tmp_path: Path, score: str) -> None:
        table = contents(write_run(tmp_path), tmp_path).tables[f"heads/tiny-gpt2/{score}"]
        assert [one[:2] for one in table.rows] == [[place // H, place % H] for place in range(10)]
        assert table.columns[2] == f"{score}_score"
        assert [one[2] for one in table.rows] == [1 / (1 + place) for place in range(10)]

    def test_all_critical_heads_with_their_type_none_being_one(self, tmp_path: Path) -> None:
        table = contents(write_run(tmp_path), tmp_path).tables["critical_heads/tiny-llama"]
        assert len(table.rows) == L * H
        assert [one[3] for one in table.rows[:3]] == ["None", "Forward Flow", "Hub Aggregator"]

    def test_a_number_that_is_missing_is_none(self, tmp_path: Path) -> None:
        table = contents(write_run(tmp_path), tmp_path).tables["heads/tiny-llama/hub"]
        assert [one[3] for one in table.rows[:2]] == [None, 1.0]

    def test_the_comparison_says_what_its_file_says(self, tmp_path: Path) -> None:
        made = contents(write_run(tmp_path), tmp_path)
        table = made.tables[f"comparison/{PAIR}"]
        assert table.columns == ["quantity", *MODELS, "difference", "ci_low", "ci_high", "cohens_d"]
        assert table.rows[0] == ["flow score, mean over heads", 0.5, 0.5, 0.03, 0.02, 0.04, 1.25]
        assert table.rows[2][1] == comparison()["models"]["tiny-llama"]["strategy"]["skip"]
        assert ["parameters", 100, 200, None, None, None, None] in table.rows
        assert made.tables[f"comparison_answers/{PAIR}"].rows == [
            ["The same hub?", "yes", 0.75],
            ["Fewer? (by_count)", "no", 1.0],
            ["Fewer? (by_share)", "no", 1.0],
        ]

    def test_every_criterion_with_its_verdict(self, tmp_path: Path) -> None:
        result = write_run(tmp_path)
        table = contents(result, tmp_path).tables["criteria"]
        assert [(one[0], one[1], one[9]) for one in table.rows] == [
            (one.id, one.model, one.verdict) for one in result.criteria
        ]
        fields = dict(zip(table.columns, table.rows[-1], strict=True))
        assert (fields["measured"], fields["rule"], fields["ci_low"], fields["ci_high"]) == (
            "0.1",
            "≥ 0.25",
            0.05,
            None,
        )

    def test_every_picture_that_the_run_wrote_and_no_other(self, tmp_path: Path) -> None:
        result = write_run(tmp_path)
        (tmp_path / "figures/tiny-llama/stray.png").write_bytes(b"")
        (tmp_path / "figures/tiny-gpt2/2_attention_by_layer.png").unlink()
        images = contents(result, tmp_path).images
        assert sorted(images) == [
            "figures/comparison/7_model_comparison_flow",
            "figures/tiny-gpt2/1_top_heads_attention",
            "figures/tiny-llama/1_top_heads_attention",
            "figures/tiny-llama/2_attention_by_layer",
        ]
        assert images["figures/tiny-llama/1_top_heads_attention"].is_file()

    def test_config_has_what_a_run_is_searched_by_and_where_it_comes_from(self, tmp_path: Path) -> None:
        config = contents(write_run(tmp_path), tmp_path).config
        assert (config["model_name"], config["n_problems"], config["seed"]) == ("tiny-llama, tiny-gpt2", N, 42)
        assert config["models"] == run_of()["models"]
        assert config["dataset"]["fingerprint"] == "f" * 64
        assert config["options"] == run_of()["options"]
        assert "declarations" not in config

    def test_the_summary_counts_verdicts(self, tmp_path: Path) -> None:
        summary = contents(write_run(tmp_path), tmp_path).summary
        assert [summary[f"verdicts/{name}"] for name in ("pass", "fail", "invalid", "skipped")] == [18, 1, 0, 2]
        assert summary["phases/phase1/tiny-gpt2"] == "fail"

    def test_what_was_not_judged_is_left_out(self, tmp_path: Path) -> None:
        result = write_run(tmp_path)
        alone = result.model_copy(update={"criteria": [row("1.1-count", "run")]})
        made = contents(alone, tmp_path)
        assert (list(made.tables), made.by_layer, made.images) == (["phases", "criteria"], [], {})


def test_tags_name_the_study_the_data_the_models_and_the_phases_once() -> None:
    assert tags_of(run_of(), ["phase1", "phase2"]) == [
        "attention-flow",
        "synthetic",
        "tiny-llama",
        "tiny-gpt2",
        f"{N}-samples",
        "phase1",
        "phase2",
    ]


def test_a_tag_is_as_long_as_it_may_be() -> None:
    run = run_of() | {"models": [{"name": "m" * 70}]}
    assert tags_of(run, [])[2] == "m" * 64
