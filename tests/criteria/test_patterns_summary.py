"""patterns_summary.npz: what it keeps of attention, how exactly, in how many bytes, and what is said of a file that is none."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.criteria.patterns_summary import (
    LIMIT,
    OTHERS,
    TRAINED,
    PatternsSummary,
    packed,
    read_summary,
    squares,
    triangles,
)
from harness.errors import HarnessError
from harness.extraction.patterns import AttentionPatterns

ABOUT = {"n_layers": 2, "n_heads": 3, "n_latents": 4, "n_problems": 6, "seed": 5, "model": "m"}


def patterns(n: int = 6, L: int = 2, H: int = 3, T: int = 4, seed: int = 0) -> AttentionPatterns:
    rng = np.random.default_rng(seed)
    rows = (n, L, H, T)
    raw = (rng.dirichlet(np.ones(T + 3), size=rows)[..., :T] * np.tri(T)).astype(np.float32)
    off = rng.integers(-3, 4, size=rows) * 2.0**-24
    return AttentionPatterns(
        raw=raw,
        row_total=(1 + off).astype(np.float32),
        first_token=np.zeros(rows, np.float32),
        bot=np.zeros(rows, np.float32),
        answer_attention=np.zeros(rows, np.float32),
        row_length=rng.integers(20, 60, size=(n, L, T)).astype(np.int32),
        context_length=rng.integers(20, 60, size=n).astype(np.int32),
        latent_inputs=np.zeros((n, T, 2), np.float32),
        problem_ids=tuple(range(10, 10 + n)),
    )


def read(content: bytes, folder: Path) -> PatternsSummary:
    path = folder / "patterns_summary.npz"
    path.write_bytes(content)
    return read_summary(path)


@given(st.integers(1, 8), st.integers(0, 1000))
def test_every_causal_weight_is_kept_in_half_precision_and_nothing_else(T: int, seed: int) -> None:
    raw = patterns(n=2, T=T, seed=seed).raw
    again = squares(triangles(raw), T)
    assert (np.abs(again - raw) <= raw / 2048 + 2.0**-25).all()
    assert not np.triu(again, 1).any()
    assert again.dtype == np.float32


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    first, second = patterns(), patterns(seed=1)
    found = read(
        packed(first, ABOUT, {("second", "trained"): second, ("first", "untrained"): patterns(seed=2)}), tmp_path
    )
    assert found.about == {**ABOUT, "format": 1}
    assert (found.raw(TRAINED) == squares(triangles(first.raw), 4)).all()
    assert (found.raw(("second", "trained")) == squares(triangles(second.raw), 4)).all()
    assert set(found.cells) == {TRAINED, ("second", "trained"), ("first", "untrained")}
    assert (found.context_length["first"] == first.context_length).all()
    assert (found.context_length["second"] == second.context_length).all()
    assert found.problem_ids == first.problem_ids
    assert (found.row_length == first.row_length).all()
    # Single precision near 1 has no more digits than half precision near 0.
    assert ((1 + found.beyond_one.astype(np.float64)).astype(np.float32) == first.row_total).all()
    assert found.complete


def test_the_same_patterns_give_the_same_bytes() -> None:
    content = packed(patterns(), ABOUT, {})
    assert content == packed(patterns(), dict(reversed(ABOUT.items())), {})
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert {one.date_time for one in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_model_as_large_as_llama_fits_with_all_its_hundred_problems(tmp_path: Path) -> None:
    large = patterns(n=101, L=16, H=32, T=6)
    about = {"n_layers": 16, "n_heads": 32, "n_latents": 6, "n_problems": 101, "seed": 5}
    content = packed(large, about, {OTHERS[0]: patterns(n=100, L=16, H=32, T=6, seed=1)})
    found = read(content, tmp_path)
    assert len(content) <= LIMIT
    assert found.problem_ids == large.problem_ids[:100]
    assert not found.complete


def test_where_room_is_short_problems_are_left_out_until_it_fits(tmp_path: Path) -> None:
    whole = packed(patterns(n=60), {**ABOUT, "n_problems": 60}, {})
    limit = len(whole) * 2 // 3
    content = packed(patterns(n=60), {**ABOUT, "n_problems": 60}, {OTHERS[0]: patterns(n=60, seed=1)}, limit)
    found = read(content, tmp_path)
    assert len(content) <= limit
    assert 20 < len(found.problem_ids) < 60
    assert found.problem_ids == patterns(n=60).problem_ids[: len(found.problem_ids)]
    assert set(found.cells) == {TRAINED}


def test_of_the_others_those_that_matter_most_come_first() -> None:
    others = {part: patterns(n=40, seed=1 + place) for place, part in enumerate(OTHERS)}
    about = {**ABOUT, "n_problems": 40}
    sizes = [len(packed(patterns(n=40), about, {part: others[part] for part in OTHERS[:count]})) for count in range(6)]
    for count, size in enumerate(sizes):
        assert packed(patterns(n=40), about, others, limit=size) == packed(
            patterns(n=40), about, {part: others[part] for part in OTHERS[:count]}
        )


def test_weights_are_moved_within_what_rounding_can_have_moved_them(tmp_path: Path) -> None:
    found = read(packed(patterns(), ABOUT, {}), tmp_path)
    kept, moved, most = found.raw(TRAINED), found.raw(TRAINED, moved=True), found.rounding(TRAINED)
    assert (np.abs(moved - kept) <= most * (1 + 1e-3)).all()
    assert (moved != kept)[kept > 0].mean() > 0.9
    assert (moved >= 0).all() and not np.triu(moved, 1).any()
    assert (np.abs(kept - patterns().raw) <= most).all()


def arrays(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}


def saved(**changed: Any) -> bytes:
    buffer = io.BytesIO()
    content = {**arrays(packed(patterns(), ABOUT, {})), **changed}
    np.savez_compressed(buffer, **{name: array for name, array in content.items() if array is not None})
    return buffer.getvalue()


def about(**changed: Any) -> Any:
    return np.array(json.dumps({"format": 1, **ABOUT, **changed}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged, or not what the harness wrote"),
        (packed(patterns(), ABOUT, {})[:-400], "is damaged, or not what the harness wrote"),
        (b"PK\x03\x04 nothing", "is damaged, or not what the harness wrote"),
        (saved(first_trained=np.array([{}], dtype=object)), "is damaged, or not what the harness wrote"),
        (saved(about=np.array("{")), "is damaged, or not what the harness wrote"),
        (saved(about=None), "is damaged, or not what the harness wrote"),
        (saved(about=about(format=2)), "is of format 2; this version of the harness reads 1"),
        (saved(about=np.array("[]")), "is of format None"),
        (saved(about=about(n_heads=4)), "does not have the sizes that it names (first_trained"),
        (saved(first_trained=None), "lacks"),
        (saved(row_length=np.zeros((6, 2, 3), np.int32)), "does not have the sizes that it names (row_length)"),
        (saved(about=about(n_problems=5)), "does not have the sizes that it names (problem_ids)"),
    ],
    ids=[
        "empty",
        "cut",
        "no zip",
        "pickled",
        "no json",
        "no about",
        "format",
        "list",
        "heads",
        "no cells",
        "rows",
        "more",
    ],
)
def test_a_file_that_is_wrong_is_one_message_with_a_remedy(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(HarnessError) as error:
        read(content, tmp_path)
    assert said in str(error.value)
    assert str(tmp_path / "patterns_summary.npz") in str(error.value)
    assert "Run the checks on the model again" in str(error.value)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    import pickle

    ran = tmp_path / "ran"

    class Harmful:
        def __reduce__(self) -> Any:
            return Path.touch, (ran,)

    with pytest.raises(HarnessError, match="is damaged, or not what the harness wrote"):
        read(pickle.dumps(Harmful()), tmp_path)
    with pytest.raises(HarnessError, match="is damaged, or not what the harness wrote"):
        read(saved(first_trained=np.array([Harmful()], dtype=object)), tmp_path)
    assert not ran.exists()


def test_a_single_array_is_no_summary(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    with pytest.raises(HarnessError, match="is damaged, or not what the harness wrote"):
        read(buffer.getvalue(), tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"There is no .*patterns_summary\.npz.*Run the checks on the model again"):
        read_summary(tmp_path / "patterns_summary.npz")
