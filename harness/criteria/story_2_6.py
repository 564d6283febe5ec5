"""Story 2.6: two models on the same problems, compared problem by problem."""

import json
import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from harness.criteria.compared import TOP, fewer_critical, more_specialised, patterns_distinct, strategies_differ
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.critical import CRITICAL, SCORES
from harness.criteria.declare import hypothesis
from harness.criteria.pair_study import PairStudy
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_1_4 import AS_SPECIFIED, _as_specified
from harness.statistics import resample_weights

if TYPE_CHECKING:
    from harness.figures.inspect import PanelFacts

Array = NDArray[Any]

PRESENT = "present and consistent"
SAME = ("2.6-same",)


def same_problems(study: PairStudy) -> Measurement:
    """The fingerprint of the problems that each extraction was made on, as it was recorded then."""
    found = {one.name: one.about["dataset_fingerprint"] for one in study.studies}
    first, second = found.values()
    value = "equal" if first == second else f"different: {first[:12]}… and {second[:12]}…"
    return Measurement(value, n_problems=len(study.studies[0].patterns.problem_ids), beside=found)


def report(study: PairStudy) -> Measurement:
    """The comparison file, re-read; every number of it but the answers recomputed."""
    path, content = _read(study)
    models = content["models"]
    sizes = [models[name]["n_parameters"] for name in study.pair.names]
    in_order = [content["smaller"], content["larger"]] == list(study.pair.names) and sizes == sorted(sizes)
    wrong = [] if in_order else ["the order of the models"]
    by_problem = []
    for one, sample in zip(study.studies, study.pair.samples, strict=True):
        raw = sample.raw.astype(np.float64)
        by_problem.append(_plain_strategy(raw))
        layers, heads, latents = one.patterns.raw.shape[1:4]
        expected = {
            "n_parameters": one.about["n_parameters"],
            "n_layers": layers,
            "n_heads": heads,
            "n_latents": latents,
            **_plain_description(raw, by_problem[-1]),
        }
        wrong += [
            f"{name} of {one.name}"
            for name, value in expected.items()
            if not _close(_at(models[one.name], name), value)
        ]
    for score, values in zip(SCORES, (by_problem[0] - by_problem[1]).T, strict=True):
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        expected = {"difference": values.mean(), "cohens_d": values.mean() / spread if spread > 0 else None}
        said = content["differences"][score]
        wrong += [f"{name} of {score}" for name, value in expected.items() if not _close(said[name], value)]
    return _judged(wrong, path)


def answers(study: PairStudy) -> Measurement:
    """The answers, re-read; each answer and its confidence recomputed from resamples of the problems."""
    path, content = _read(study)
    said = content["answers"]
    (hub_a, special_a, count_a), (hub_b, special_b, count_b) = (
        _plain_numbers(sample.raw, study.options.seed) for sample in study.pair.samples
    )
    heads_a, heads_b = study.pair.n_heads
    holds = {
        "same_hub": hub_a == hub_b,
        "more_specialised": special_a > special_b,
        "fewer_critical_heads.by_count": count_a < count_b,
        "fewer_critical_heads.by_share": count_a * heads_b < count_b * heads_a,
    }
    wrong = []
    for name, each in holds.items():
        answer = _at(said, name)
        agreeing = float((each[1:] == each[0]).mean())
        # Scores of two heads, or of two models, can tie up to rounding, which every summation rounds in its own way.
        if answer["answer"] != ("yes" if each[0] else "no") or abs(answer["confidence"] - agreeing) > 1e-3:
            wrong.append(name)
    low, high = np.quantile(special_a[1:] - special_b[1:], [0.025, 0.975])
    verdict = "yes" if low > 0 else "no, the reverse" if high < 0 else "open"
    capacity = said["capacity_hypothesis"]
    ends = [capacity["ci_low"], capacity["ci_high"], capacity["confidence"]]
    if capacity["answer"] != verdict or not _close(ends, [low, high, said["more_specialised"]["confidence"]]):
        wrong.append("capacity_hypothesis")
    shares = said["fewer_critical_heads"]
    if shares["count_and_share_agree"] != (shares["by_count"]["answer"] == shares["by_share"]["answer"]):
        wrong.append("count_and_share_agree")
    hub = said["same_hub"]
    return replace(
        _judged(wrong, path),
        answer=f"Same hub? {hub['answer']} ({_places(hub['positions'])}); beyond what causality gives: "
        f"{_places({name: one['hub']['position_beyond_causality'] for name, one in content['models'].items()})}",
        confidence=hub["confidence"],
    )


def _places(positions: dict[str, int]) -> str:
    return ", ".join(f"CT{position} in {name}" for name, position in positions.items())


def figures(study: PairStudy) -> Measurement:
    """The three figures, held against their specification."""
    hubs, flow, heads = (draw() for draw in (study.figures.hubs, study.figures.flow, study.figures.critical_heads))
    names, latents = set(study.pair.names), study.pair.n_latents
    filled = [panel for panel in heads.facts.panels if not panel.empty]
    content = _read(study)[1]["models"]
    titles = [
        [
            f"L{one['layer']}H{one['head']} (composite={one['composite_score']:.2f})"
            for one in content[name]["top_heads"]
        ]
        for name in study.pair.names
    ]
    wrong = {
        "bars of both models": not all(_shows(panel, names) for panel in hubs.facts.panels),
        "positions": [panel.xlabel for panel in hubs.facts.panels]
        != [f"Source Position (0-{last})" for last in (latents - 1, latents - 3)],
        "causality baseline": not all("causality alone" in " ".join(panel.series) for panel in hubs.facts.panels),
        "lines of both models": [panel.title.lower() for panel in flow.facts.panels] != list(SCORES)
        or not all(_shows(panel, names) for panel in flow.facts.panels),
        "relative layer": not all("relative depth" in panel.xlabel.lower() for panel in flow.facts.panels),
        "top 5 heads": [panel.title for panel in filled] != [title for row in titles for title in row]
        or [panel.row for panel in filled] != [row for row, one in enumerate(titles) for _ in one]
        or not names <= set(heads.facts.texts),
        "resolution": any(drawn.png.dpi != 300 for drawn in (hubs, flow, heads)),
    }
    return _as_specified(wrong, (*hubs.paths, *flow.paths, *heads.paths))


def _shows(panel: "PanelFacts", names: set[str]) -> bool:
    return names <= set(panel.series)


def _read(study: PairStudy) -> tuple[str, dict[str, Any]]:
    path = study.files.report()
    return path, json.loads(study.absolute(path).read_text(encoding="utf-8"))


def _plain_scores(means: Array) -> tuple[Array, Array, Array]:
    """Flow, hub and skip of every head [..., L, H], written out."""
    columns = np.tril(means).sum(axis=-2)
    total = columns.sum(axis=-1)
    centred = columns - columns.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        flow = np.where(total >= 1e-12, np.tril(means, -1).sum(axis=(-2, -1)) / total, np.nan)
    return flow, (centred**2).mean(axis=-1), (means[..., -1, 0] + means[..., -1, 1] + means[..., -1, 2]) / 3


def _plain_specialisation(composite: Array) -> Array:
    """[..., L, H] to [...]."""
    scores = np.nan_to_num(composite).reshape(*composite.shape[:-2], -1)
    return np.asarray(1 - entropy(scores, axis=-1) / math.log(scores.shape[-1]))


def _plain_strategy(raw: Array) -> Array:
    """[n, L, H, T, T] to [n, 3], one problem and one head at a time."""
    found = []
    for problem in raw:
        heads = [_plain_scores(_whole_rows(head)) for layer in problem for head in layer]
        found.append(np.nanmean(np.array(heads), axis=0))
    return np.array(found)


def _whole_rows(head: Array) -> Array:
    mass = np.tril(head).sum(axis=1, keepdims=True)
    return np.divide(head, mass, out=np.zeros_like(head), where=mass >= 1e-12)


def _plain_description(raw: Array, strategy: Array) -> dict[str, Any]:
    """What the file must say about a model, by the place where it says it."""
    mean = raw.mean(axis=0)
    flow, hub, skip = _plain_scores(mean)
    composite = 0.4 * flow + 0.4 * hub + 0.2 * skip
    received = np.tril(mean).sum(axis=-2).mean(axis=(0, 1)) / len(mean[0, 0])
    critical = int((composite > CRITICAL).sum())
    places = [(layer, head) for layer, head in np.ndindex(*composite.shape)]
    best = sorted(places, key=lambda place: (-np.nan_to_num(composite[place], nan=-np.inf), place))[:TOP]
    share = sorted(np.nan_to_num(composite).ravel(), reverse=True)
    return {
        "hub.position": int(received.argmax()),
        "hub.incoming": received,
        **{f"strategy.{score}": value for score, value in zip(SCORES, strategy.mean(axis=0), strict=True)},
        "critical_heads.count": critical,
        "critical_heads.share": critical / composite.size,
        "top_heads.layer": [layer for layer, _ in best],
        "top_heads.head": [head for _, head in best],
        "top_heads.composite_score": [composite[place] for place in best],
        "specialisation": _plain_specialisation(composite),
        "distribution.share of the composite in the top 10": sum(share[:10]) / sum(share),
    }


def _plain_numbers(raw: Array, seed: int) -> Array:
    """[3, 1 + resamples]: hub position, specialisation and number of critical heads; of the sample itself first."""
    weights = np.vstack([np.full(len(raw), 1 / len(raw)), resample_weights(len(raw), seed=seed)])
    parts = []
    for start in range(0, len(weights), 100):
        means = np.tensordot(weights[start : start + 100], raw, axes=1)
        flow, hub, skip = _plain_scores(means)
        composite = 0.4 * flow + 0.4 * hub + 0.2 * skip
        received = np.tril(means).sum(axis=(1, 2, 3))
        critical = (composite > CRITICAL).sum(axis=(1, 2))
        parts.append(np.stack([received.argmax(axis=1), _plain_specialisation(composite), critical]))
    return np.concatenate(parts, axis=1)


def _at(content: Any, place: str) -> Any:
    """``a.b`` of nested content; of a list, what is under that name in each of its members."""
    for name in place.split("."):
        content = [one[name] for one in content] if isinstance(content, list) else content[name]
    return content


def _close(said: Any, value: Any) -> bool:
    if value is None or said is None:
        return said is None and value is None
    return np.shape(said) == np.shape(value) and np.allclose(said, value, rtol=1e-7, atol=1e-12)


def _judged(wrong: list[str], path: str) -> Measurement:
    value = PRESENT if not wrong else f"wrong: {', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}"
    return Measurement(value, artifacts=(path,))


_of_pairs = partial(hypothesis, scope="pair", rests_on=(*SAME, *RAW_VALIDITY))
_CONTROLS = " Controls: random halves of one model in place of the two models, the median of 25 halvings; both models untrained."

CRITERIA = (
    Criterion(
        "2.6-same",
        "validity",
        "Both models ran on the same problems",
        "Fingerprints of the problems (names, texts, answers) that the two extractions recorded.",
        Rule("is", "equal"),
        same_problems,
        scope="pair",
        from_results=True,
    ),
    Criterion(
        "2.6-report",
        "acceptance",
        "Comparison report",
        "<a>_vs_<b>_comparison.json, smaller model first: hub positions, flow, hub and skip, number of critical heads, "
        "specialisation and how the composite is distributed; re-read and recomputed.",
        Rule("is", PRESENT),
        report,
        scope="pair",
        rests_on=SAME,
    ),
    Criterion(
        "2.6-answers",
        "acceptance",
        "The questions are answered with numbers",
        "Same hub? More specialised? Fewer critical heads, by count and by share? Capacity hypothesis supported? Each with "
        "the share of resamples, paired by problem, that answer alike; re-read and recomputed.",
        Rule("is", PRESENT),
        answers,
        scope="pair",
        rests_on=SAME,
    ),
    Criterion(
        "2.6-figures",
        "acceptance",
        "Comparison figures",
        "6_model_comparison_hubs: bars of both models by position; 7_model_comparison_flow: lines of both by relative layer; "
        "8_model_comparison_critical_heads: the top 5 heads of each.",
        Rule("is", AS_SPECIFIED),
        figures,
        scope="pair",
        rests_on=SAME,
    ),
    _of_pairs(
        "2.6-differ",
        "The models' strategies differ",
        "Smallest q of three paired tests: per problem, the mean over heads of flow, hub_score and skip on rows scaled to mass "
        "1 over the thoughts that both models have, smaller model minus larger; sign flips over problems, two-sided, "
        "Benjamini-Hochberg over the three." + _CONTROLS,
        Rule("<", 0.05),
        strategies_differ(),
        family="flow, hub and skip",
    ),
    _of_pairs(
        "2.6-visible",
        "Side-by-side patterns are distinct",
        "p of the distance between the models' mean patterns of their 5 heads with the largest composite_score (rows scaled "
        "to mass 1, the thoughts that both have), among all ways to deal those heads to two models." + _CONTROLS,
        Rule("<", 0.05),
        patterns_distinct(),
    ),
    _of_pairs(
        "2.6-capacity",
        "The smaller model is more specialised",
        "Lower end of the 95 % bootstrap interval, over problems resampled for both models alike, of specialisation(smaller) - "
        "specialisation(larger)." + _CONTROLS,
        Rule(">", 0),
        more_specialised(),
    ),
    _of_pairs(
        "2.6-fewer",
        "The smaller model uses fewer critical heads",
        "Heads with composite_score > 0.7: their number in the smaller model (parameters without embeddings) minus that in the "
        "larger; shares of all heads beside, and whether they say the same." + _CONTROLS,
        Rule("<", 0),
        fewer_critical(),
    ),
)
