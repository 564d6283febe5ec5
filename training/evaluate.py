"""Accuracy of an embedded model on held-out problems: ``python -m training.evaluate tiny-llama``.

The saved files are loaded as any user loads them, in float32. Answered are all problems of the synthetic test split,
with all thoughts, with none (the answer follows the question at once), and with every thought's input zeroed.
"""

import argparse
import re
from collections.abc import Sequence

import torch
from scipy.stats import binomtest

from harness.models.load import load_model
from harness.models.thoughts import ThoughtModel, length_batches
from harness.problems import ProblemSet, load_problems

_NUMBER = re.compile(r"-?\d+\.?\d*")
BATCH = 64


def right(
    model: ThoughtModel, problems: ProblemSet, *, n_latents: int | None = None, zeroed: bool = False
) -> list[bool]:
    """Whether the last number of each answer is the gold one."""
    prompts = [model.prompt_ids(question) for question in problems.questions]
    zeros = torch.zeros(model.n_latents, model.width) if zeroed else None
    found = [False] * len(prompts)
    for rows in length_batches([len(prompt) for prompt in prompts], BATCH):
        context = model.encode([prompts[row] for row in rows])
        model.think(context, latent_inputs=zeros, n_latents=n_latents)
        model.end_thinking(context)
        for row, ids in zip(rows, model.answer(context), strict=True):
            numbers = _NUMBER.findall(model.decode(ids).replace(",", ""))
            found[row] = bool(numbers) and float(numbers[-1]) == problems[row].answer
    return found


def described(found: Sequence[bool]) -> str:
    """Share with its 95 % Wilson interval."""
    interval = binomtest(sum(found), len(found)).proportion_ci(method="wilson")
    return f"{sum(found) / len(found):.3f} [{interval.low:.3f}, {interval.high:.3f}] of {len(found)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per condition and number of steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--checkpoint", help="a model folder in place of the registered one")
    options = parser.parse_args(arguments)
    model = load_model(options.model, checkpoint=options.checkpoint, device="cpu")
    problems = load_problems("synthetic", split="test")
    whole = right(model, problems)
    print(f"{model.n_latents} thoughts   {described(whole)}")
    for steps in sorted({problem.difficulty for problem in problems}):
        some = [one for one, problem in zip(whole, problems, strict=True) if problem.difficulty == steps]
        print(f"  {steps} steps   {described(some)}")
    print(f"no thoughts  {described(right(model, problems, n_latents=0))}")
    print(f"all zeroed   {described(right(model, problems, zeroed=True))}")


if __name__ == "__main__":
    main()
