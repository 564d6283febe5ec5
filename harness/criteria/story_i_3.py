"""Story I.3: what the answer reads of each thought, and which words of the question each thought reads."""

import json

import numpy as np

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.importance import PROBES, probe_layers


def answer_attention(study: ModelStudy) -> Measurement:
    """The saved weights, held against the extraction's."""
    path = study.importance_files.attention
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    raw = np.asarray(study.intervened.patterns("importance").answer_attention, dtype=np.float64)
    n, L, H, T = raw.shape
    layers = probe_layers(L)
    weights, every = np.array(content["attention_weights"]), np.array(content["all_layers"])
    wrong = {
        "shape": content["shape"] != [n, 3, T] or weights.shape != (n, 3, T),
        "layers": content["probe_layers"] != dict(zip(PROBES, layers, strict=True)),
        "problems": content["problem_ids"] != list(study.intervened.problems("importance").ids),
        "all layers": every.shape != (n, L, T)
        or not np.allclose(every, sum(raw[:, :, h] for h in range(H)) / H, atol=1e-6),
        "weights": weights.shape == (n, 3, T) and not np.array_equal(weights, every[:, list(layers)]),
        "range": bool((every < 0).any() or (every.sum(axis=2) > 1 + 1e-4).any()),
    }
    found = [name for name, bad in wrong.items() if bad]
    mass = every[:, list(layers)].sum(axis=2).mean(axis=0)
    return Measurement(
        "valid" if not found else f"differs in {', '.join(found)}",
        beside=dict(zip((f"mass_on_thoughts_{name}" for name in PROBES), mass.tolist(), strict=True)),
        n_problems=n,
        artifacts=(path,),
    )


def question_attention(study: ModelStudy) -> Measurement:
    """How far the weights by class of token are from summing to what the thoughts leave to the question."""
    files = study.thought_files
    question = study.intervened.about("importance").extraction.question()
    return Measurement(
        question.largest_gap,
        answer=files.in_words,
        n_problems=len(question.by_class),
        artifacts=(*files.words_figure, files.words),
    )


CRITERIA = (
    Criterion(
        "I.3-attention",
        "acceptance",
        "Answer attention at three layers",
        "attention_weights_{n}.json: weight of the EOT query on each thought, mean over heads, at the early, middle and late "
        "probe layer [n, 3, T] and at every layer; re-read and held against the extraction. It decides the first token of the "
        "answer, which in a model that words its answer is no number.",
        Rule("is", "valid"),
        answer_attention,
    ),
    Criterion(
        "I.3-question",
        "acceptance",
        "Question words that feed each thought",
        "Attention of every latent query on the question's tokens by class (number, operation word, other, first token, bot): "
        "largest difference, over problems, layers, heads and thoughts, between the classes' sum and the row's sum less what is "
        "on the thoughts. Means by layer and thought in question_attention_{n}.json, some questions word by word.",
        Rule("<=", 1e-4),
        question_attention,
    ),
)
