"""Many conditions at once against one run for each: ``python -m benchmarks.interventions``.

The ways take turns, round after round, on the same questions of the same length. Reported are medians over rounds.

- *together*: what the harness does: each question encoded once, K conditions and the baseline beside it.
- *separate*: K plain runs of the same batch, each encoding the questions again; no hooks, no baseline, nothing scored.
- *bound*: one encoding and K times the thinking and answering of a plain run.

One model is of 8 layers of width 512 with random weights, where arithmetic takes most of the time; the embedded ones are so
small that Python does.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from harness.interventions import AblateInput, AblateThought, BlockAttention, Condition, Setting, run_batch
from harness.models.load import load_model, locate
from harness.models.thoughts import ThoughtModel

PROMPT_TOKENS = 100
PROJECTION = 512


def random_model(folder: Path, layers: int = 8, width: int = 512) -> ThoughtModel:
    """A GPT-2 of that size with random weights and the tokenizer of tiny-gpt2."""
    files = locate("tiny-gpt2")
    base = folder / "base"
    shutil.copytree(files.base, base)
    config = json.loads((base / "config.json").read_text())
    config |= {"n_layer": layers, "n_embd": width, "n_head": 8, "n_inner": 4 * width}
    (base / "config.json").write_text(json.dumps(config))
    weights = folder / "model.safetensors"
    save_file({"prj.1.weight": torch.zeros(PROJECTION, width)}, weights)
    return ThoughtModel(replace(files, name=f"{layers} x {width}", base=base, weights=weights), untrained_seed=0)


def conditions_of(model: ThoughtModel, count: int) -> list[Condition]:
    """Thoughts zeroed at single layers, inputs zeroed, keys blocked: as many different ones as asked for."""
    every: list[Condition] = [
        (AblateThought((position,), (layer,)),)
        for layer in range(model.n_layers)
        for position in range(model.n_latents)
    ]
    every += [(AblateInput((position,)),) for position in range(model.n_latents)]
    latents = range(model.n_latents)
    every += [(AblateInput((first,)), BlockAttention((second,))) for first in latents for second in latents]
    return every[:count]


def encode(model: ThoughtModel, prompts: Sequence[Sequence[int]]) -> None:
    """The questions alone."""
    model.encode(prompts)


def plain(model: ThoughtModel, prompts: Sequence[Sequence[int]], tokens: int) -> None:
    """One run without interventions."""
    context = model.encode(prompts)
    model.think(context)
    model.end_thinking(context)
    model.answer(context, tokens)


def together(
    model: ThoughtModel, prompts: Sequence[Sequence[int]], conditions: Sequence[Condition], tokens: int
) -> None:
    """All conditions and the baseline."""
    numbers = range(len(prompts))
    setting = Setting([str(number) for number in numbers], max_tokens=tokens)
    run_batch(model, prompts, lambda answers: [[1, 2]] * len(answers), numbers, conditions, setting)


def seconds(work: Callable[[], None]) -> float:
    """Of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=6, help="tokens of an answer")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    print("| model | K | together s | separate / together | together / bound |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for model in (random_model(Path(folder)), load_model("tiny-gpt2"), load_model("tiny-llama")):
            # No EOS: every answer has the same number of tokens.
            model.eos_id = -1
            generator = torch.Generator().manual_seed(0)
            ids = torch.randint(0, 300, (options.problems, PROMPT_TOKENS - 1), generator=generator)
            prompts = [[*row, model.bot_id] for row in ids.tolist()]
            for count in (16, 64):
                conditions = conditions_of(model, count)
                together(model, prompts, conditions, options.tokens)
                rounds = [
                    (
                        seconds(lambda: together(model, prompts, conditions, options.tokens)),  # noqa: B023
                        seconds(lambda: plain(model, prompts, options.tokens)),  # noqa: B023
                        seconds(lambda: encode(model, prompts)),  # noqa: B023
                    )
                    for _ in range(options.rounds)
                ]
                ours = statistics.median(one[0] for one in rounds)
                faster = statistics.median(count * one[1] / one[0] for one in rounds)
                bound = statistics.median(one[0] / (one[2] + count * (one[1] - one[2])) for one in rounds)
                print(f"| {model.name} | {len(conditions)} | {ours:.2f} | {faster:.1f} | {bound:.2f} |", flush=True)


if __name__ == "__main__":
    main()
