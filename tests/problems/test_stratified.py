"""Samples with as many problems of each difficulty."""

import random
from collections import Counter
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.problems import LEVELS, level, load_split, stratified_sample
from harness.problems.dataset_file import read_dataset, save_dataset


def test_every_level_is_drawn_alike_and_by_the_stated_rule() -> None:
    found = stratified_sample("synthetic", "test", 100, 42)
    assert Counter(map(level, found)) == dict.fromkeys(LEVELS, 25)
    everything = load_split("synthetic", "test")
    for one in LEVELS:
        rows = [problem for problem in everything if problem.difficulty == one]
        expected = {problem.id for problem in random.Random(42).sample(rows, 25)}
        assert {problem.id for problem in found if level(problem) == one} == expected
    assert list(found.ids) == sorted(found.ids)
    assert "random.Random(42)" in found.sampling


def test_what_is_left_over_goes_to_the_easier_levels() -> None:
    assert [Counter(map(level, stratified_sample("synthetic", "test", 10, 1)))[one] for one in LEVELS] == [3, 3, 2, 2]


def test_problems_can_be_left_out_of_the_draw() -> None:
    first = stratified_sample("synthetic", "train", 40, 1)
    second = stratified_sample("synthetic", "train", 40, 2, without=first.ids)
    assert not set(first.ids) & set(second.ids)


def test_five_steps_and_more_are_one_level(tmp_path: Path) -> None:
    rows = "".join(
        f'{{"question": "q{number}", "answer": "{"<<1+1=2>>" * (2 + number % 6)} #### 2"}}\n' for number in range(60)
    )
    (tmp_path / "own.jsonl").write_text(rows)
    found = stratified_sample(tmp_path / "own.jsonl", "train", 20, 0)
    assert Counter(map(level, found)) == dict.fromkeys(LEVELS, 5)
    assert max(problem.difficulty for problem in found) > 5


def test_too_few_of_a_level_is_said(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"question": "q", "answer": "#### 2"}\n' * 9)
    with pytest.raises(
        HarnessError,
        match=r"needs 1 problems of difficulty 2 .*<<\.\.\.>>.*own.jsonl has 0 to draw from; ask for fewer",
    ):
        stratified_sample(tmp_path / "own.jsonl", "train", 4, 0)


def test_a_saved_sample_is_read_back_as_it_was(tmp_path: Path) -> None:
    found = stratified_sample("synthetic", "test", 8, 3)
    assert read_dataset(save_dataset(found, tmp_path / "s.json", {})) == found
