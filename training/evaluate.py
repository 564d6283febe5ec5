"""Measure a saved embedded model: ``python -m training.evaluate tiny-llama DIR``.

The float16 weights are loaded in float32, every problem of the synthetic test split is answered greedily, and an answer
counts when the last number in its text is the right one. Beside the model's own latents stand no latents at all and
zeros in place of every latent's embedding.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from harness.problems import last_number
from harness.problems.synthetic import STEP_COUNTS, generate_split
from training.checkpoint import LATENTS, load_model
from training.codi import Vocabulary, answer_questions
from training.network import Network, Shape, Weights

SHAPES = {
    "tiny-gpt2": Shape("gpt2", layers=4, heads=8, kv_heads=8, width=128, mlp=512, positions=512),
    "tiny-llama": Shape("llama", layers=4, heads=8, kv_heads=4, width=128, mlp=256, positions=512),
}


def wilson(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share."""
    z = 1.959964
    share = correct / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return centre - half, centre + half


def evaluate(
    shape: Shape,
    weights: Weights,
    prj: Weights,
    vocabulary: Vocabulary,
    problems: Sequence[dict[str, str]],
    *,
    latents: int = LATENTS,
    zero: bool = False,
) -> dict[int, tuple[int, int]]:
    """Return correct answers and problems for every number of steps."""
    network = Network(shape, weights)
    tally = dict.fromkeys(STEP_COUNTS, (0, 0))
    for start in range(0, len(problems), 200):
        chunk = problems[start : start + 200]
        texts = answer_questions(network, prj, vocabulary, [p["question"] for p in chunk], latents=latents, zero=zero)
        for problem, text in zip(chunk, texts, strict=True):
            count = problem["answer"].count("<<")
            right, seen = tally[count]
            good = last_number(text) == float(problem["answer"].split("####")[1])
            tally[count] = (right + good, seen + 1)
    return tally


def overall(tally: dict[int, tuple[int, int]]) -> float:
    """Return the accuracy over all numbers of steps."""
    return sum(right for right, _ in tally.values()) / sum(seen for _, seen in tally.values())


def report_accuracy(folder: Path, shape: Shape, vocabulary: Vocabulary, problems: Sequence[dict[str, str]]) -> str:
    """Return a table of the saved model's accuracy with its latents, without and with zeros for all of them."""
    weights, prj = load_model(folder, shape)
    lines = []
    for label, latents, zero in (("6 latents", LATENTS, False), ("none", 0, False), ("all zeroed", LATENTS, True)):
        tally = evaluate(shape, weights, prj, vocabulary, problems, latents=latents, zero=zero)
        tally[0] = (sum(r for r, _ in tally.values()), sum(n for _, n in tally.values()))
        for count, (right, seen) in tally.items():
            low, high = wilson(right, seen)
            name = f"{count} steps" if count else "all"
            lines.append(f"{label:10} {name:8} {right / seen:.3f} [{low:.3f}, {high:.3f}] {right}/{seen}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure a saved embedded model.")
    parser.add_argument("name", choices=sorted(SHAPES))
    parser.add_argument("folder", type=Path, help="folder that holds base/ and codi/")
    parser.add_argument("--seed", type=int, default=0, help="seed of the problems")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    vocabulary = Vocabulary(AutoTokenizer.from_pretrained(options.folder / "base"))
    print(report_accuracy(options.folder, SHAPES[options.name], vocabulary, generate_split("test", options.seed)))


if __name__ == "__main__":
    main()
