"""patterns_summary.npz: a model's attention in half precision, small enough to be kept with the results.

It holds, of at most the first hundred problems, what criteria about attention patterns look at: the causal cells, how far each
row's total is from 1, and how long the rows are. Where they fit, the patterns of the second sample and of the controls that
take an extraction of their own come with them. The same patterns give the same bytes.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.extraction.cached import Variant
from harness.extraction.patterns import AttentionPatterns
from harness.measures import causal_cells

Array = NDArray[Any]
Which = Literal["first", "second"]
Part = tuple[Which, Variant]

NAME = "patterns_summary.npz"
FORMAT = 1
LIMIT = 4_000_000
"""Bytes of one file at most."""
MOST_PROBLEMS = 100
TRAINED: Part = ("first", "trained")
OTHERS: tuple[Part, ...] = (
    ("second", "trained"),
    ("first", "untrained"),
    ("first", "contentless"),
    ("second", "untrained"),
    ("second", "contentless"),
)
"""What comes along while there is room, the most useful first."""

_TO_MOVE = 7
"""Keeps the stream of random numbers apart from others of the same seed."""
_REMEDY = "Run the checks on the model again, with this version of the harness, and keep what they write."


@dataclass(frozen=True)
class PatternsSummary:
    """What the file holds of k problems, L layers, H heads and T latents.

    Weights are rounded to half precision: one is off by at most 1/2048 of itself, or by 3e-8.
    """

    about: dict[str, Any]
    """Sizes of the model and of the run, fingerprints, seed, versions."""
    cells: dict[Part, NDArray[np.float16]]
    """[k, L, H, T (T + 1) / 2]: the causal cells, row by row; the model's own on its sample always among them."""
    context_length: dict[Which, NDArray[np.int32]]
    """[k]: tokens before the first latent, by sample."""
    problem_ids: tuple[int, ...]
    """The problems of the first sample."""
    beyond_one: NDArray[np.float16]
    """[k, L, H, T]: sum of a row's weights over its whole context, less 1."""
    row_length: NDArray[np.int32]
    """[k, L, T]: keys that a captured row covers."""

    @property
    def complete(self) -> bool:
        """Whether every problem of the run's sample is in it."""
        return len(self.problem_ids) == self.about["n_problems"]

    def raw(self, part: Part, *, moved: bool = False) -> NDArray[np.float32]:
        """[k, L, H, T, T] of one part; ``moved`` puts every weight anywhere among those that are rounded to the one kept.

        Errors: ``KeyError`` where the part is not there.
        """
        latents, cells = self.about["n_latents"], self.cells[part].astype(np.float32)
        if moved:
            shares = np.random.default_rng((self.about["seed"], _TO_MOVE)).uniform(-1, 1, cells.shape)
            cells = np.maximum(cells + shares.astype(np.float32) * _rounding(self.cells[part]), np.float32(0))
        return squares(cells, latents)

    def rounding(self, part: Part) -> NDArray[np.float32]:
        """[k, L, H, T, T]: by how much each weight can be off."""
        return squares(_rounding(self.cells[part]), self.about["n_latents"])


def _rounding(cells: NDArray[np.float16]) -> NDArray[np.float32]:
    return np.asarray(np.spacing(cells), np.float32) / np.float32(2)


def triangles(raw: Array) -> NDArray[np.float16]:
    """[n, L, H, T, T] to the causal cells [n, L, H, T (T + 1) / 2], rounded to half precision."""
    rows, columns = causal_cells(raw.shape[-1])
    return np.asarray(raw)[..., rows, columns].astype(np.float16)


def squares(cells: Array, latents: int) -> NDArray[np.float32]:
    """The patterns that :func:`triangles` took apart, 0 above the diagonal."""
    rows, columns = causal_cells(latents)
    raw = np.zeros((*cells.shape[:-1], latents, latents), np.float32)
    raw[..., rows, columns] = cells
    return raw


def packed(
    patterns: AttentionPatterns, about: Mapping[str, Any], others: Mapping[Part, AttentionPatterns], limit: int = LIMIT
) -> bytes:
    """The file as bytes, ``limit`` at most: as many problems as fit, then as many of the ``others``, which must be about as
    many problems."""
    kept = min(len(patterns.raw), MOST_PROBLEMS)
    content = _zipped(_own(patterns, about, kept))
    while len(content) > limit:
        kept = min(kept - 1, kept * limit // len(content))
        content = _zipped(_own(patterns, about, kept))
    arrays = _own(patterns, about, kept)
    for part in (part for part in OTHERS if part in others and len(others[part].raw) == kept):
        more = {**arrays, "_".join(part): triangles(others[part].raw)}
        if part == ("second", "trained"):
            more["second_context_length"] = others[part].context_length
        trial = _zipped(more)
        if len(trial) <= limit:
            arrays, content = more, trial
    return content


def _own(patterns: AttentionPatterns, about: Mapping[str, Any], kept: int) -> dict[str, Array]:
    return {
        "about": np.array(json.dumps({"format": FORMAT, **about}, sort_keys=True)),
        "problem_ids": np.array(patterns.problem_ids[:kept], np.int64),
        "_".join(TRAINED): triangles(patterns.raw[:kept]),
        "first_context_length": patterns.context_length[:kept],
        "beyond_one": (patterns.row_total[:kept].astype(np.float64) - 1).astype(np.float16),
        "row_length": patterns.row_length[:kept],
    }


def _zipped(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def read_summary(path: Path) -> PatternsSummary:
    """The content of one file.

    Errors: ``HarnessError`` when it is missing, damaged, of another format, or not of the sizes that it names.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays["about"]))
    except FileNotFoundError as error:
        raise HarnessError(f"There is no {path}: without it no attention can be judged again. {_REMEDY}") from error
    except OSError as error:
        raise HarnessError(
            f"Cannot read {path}: {error.strerror or error}. Check the path and its permissions."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise HarnessError(
            f"{path} is damaged, or not what the harness wrote ({' '.join(str(error).split())}). Restore it from version "
            f"control, or: {_REMEDY}"
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        said = about.get("format") if isinstance(about, dict) else None
        raise HarnessError(f"{path} is of format {said}; this version of the harness reads {FORMAT}. {_REMEDY}")
    return _checked(path, about, arrays)


def _checked(path: Path, about: dict[str, Any], arrays: dict[str, Array]) -> PatternsSummary:
    try:
        kept = len(arrays["problem_ids"])
        L, H, T = (about[name] for name in ("n_layers", "n_heads", "n_latents"))
        parts = [
            (which, variant)
            for which in get_args(Which)
            for variant in get_args(Variant)
            if f"{which}_{variant}" in arrays
        ]
        summary = PatternsSummary(
            about=about,
            cells={part: arrays["_".join(part)] for part in parts},
            context_length={
                which: arrays[f"{which}_context_length"] for which in dict.fromkeys(which for which, _ in parts)
            },
            problem_ids=tuple(arrays["problem_ids"].tolist()),
            beyond_one=arrays["beyond_one"],
            row_length=arrays["row_length"],
        )
        wanted = {
            **{"_".join(part): (kept, L, H, T * (T + 1) // 2) for part in {TRAINED, *parts}},
            **{f"{which}_context_length": (kept,) for which in summary.context_length},
            "beyond_one": (kept, L, H, T),
            "row_length": (kept, L, T),
        }
        wrong = [name for name, shape in wanted.items() if arrays[name].shape != shape]
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(f"{path} lacks {error}. {_REMEDY}") from error
    if wrong or kept > about["n_problems"]:
        raise HarnessError(
            f"{path} does not have the sizes that it names ({', '.join(wrong) or 'problem_ids'}). {_REMEDY}"
        )
    return summary
