"""Story B.6: how far the states of later positions move when a thought is blocked, and where flipped problems part."""

import json
from typing import Any

import numpy as np

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import undefined
from harness.criteria.inside import FEWEST
from harness.interventions.designs import HIDDEN


def diverging(study: ModelStudy) -> Measurement:
    """The largest distance before the intervention, in the saved means and over single problems."""
    own = study.inside_files
    path = own.divergence
    if not own.as_written(path):
        return undefined(f"{path} is not as it was written")
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    before, after, words = [], [], []
    for place, (name, thought) in enumerate(zip(own.blocked, HIDDEN, strict=False), start=1):
        saved = content["conditions"][name]
        for kind in ("cosine", "relative"):
            means = np.array(saved[kind]["mean"], dtype=np.float64)
            single = np.asarray(own.followed[kind][:, place])
            before += [means[: thought + 1].max(), single[:, : thought + 1].max()]
            after.append(means[thought + 1 :].max())
        words.append(_in_words(name, {**saved, "positions": content["positions"]}))
    if not min(after):
        return undefined("no state after the intervention differs from the baseline's")
    return Measurement(
        float(max(before)),
        n_problems=len(own.followed["relative"]),
        answer="; ".join(words),
        beside={"largest_mean_distance_after": float(max(after))},
        artifacts=(*own.divergence_figure, own.divergence),
    )


def _in_words(name: str, saved: dict[str, Any]) -> str:
    flipped, stayed = saved["n_flipped"], saved["n_unflipped"]
    counts = f"{flipped} answers flip, {stayed} stay right"
    if min(flipped, stayed) < FEWEST:
        return f"{name}: too few to compare ({counts})"
    if saved["part_at"] is None:
        return f"{name}: no position is shown at which flipped problems move farther than the others ({counts})"
    at = saved["positions"].index(saved["part_at"])
    moved, others = saved["flipped"][at], saved["unflipped"][at]
    return (
        f"{name}: flipped problems first part from the others at {saved['part_at']}, where they have moved by {moved:.3g} of the "
        f"state's length against {others:.3g} ({counts})"
    )


CRITERIA = (
    Criterion(
        "B.6-divergence",
        "acceptance",
        "Divergence paths",
        "Distance of the residual stream from the baseline's (relative length of the difference; 1 less the cosine) with CT0, "
        "and with CT4, blocked, by position from the first thought to EOT and by depth from what is fed to what leaves the "
        "last layer. The largest distance up to the blocked thought, in the saved means and in every problem; some distance "
        "after it must be above 0.",
        Rule("==", 0),
        diverging,
        rests_on=("B.1-sham",),
    ),
)
