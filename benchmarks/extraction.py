"""Extraction against the same run without capture, and against the naive way: ``python -m benchmarks.extraction``.

The three ways take turns, round after round, on the same problems, so that whatever slows the machine slows all of
them. Reported are medians over rounds and the median of the per-round ratios.

- *captured*: what the harness does. Batches by length, fast kernel, latent rows captured and copied to the host.
- *plain*: the same batches and steps without a recorder.
- *naive*: one problem at a time, eager attention, ``output_attentions=True`` in every step, stacked at the end; GPT-2
  with the GELU that its config names, which the harness replaces by the same function in one kernel.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import DynamicCache
from transformers.activations import NewGELUActivation
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

from harness.extraction.extract import extract_attention
from harness.models.load import load_model
from harness.models.thoughts import ThoughtModel, length_batches
from harness.problems import ProblemSet, load_problems


@dataclass(frozen=True)
class Timing:
    """Seconds of each round, by way."""

    seconds: dict[str, list[float]]

    def ratio(self, slower: str, faster: str) -> float:
        """Median over rounds of seconds of one way over another."""
        pairs = zip(self.seconds[slower], self.seconds[faster], strict=True)
        return statistics.median(one / other for one, other in pairs)


def plain(model: ThoughtModel, problems: ProblemSet, batch_size: int, block: int | None = None) -> None:
    """The harness' own run, nothing captured; with ``block``, so many problems are finished before the next ones begin."""
    prompts = [model.prompt_ids(question) for question in problems.questions]
    for rows in length_batches([len(prompt) for prompt in prompts], batch_size, block):
        context = model.encode([prompts[row] for row in rows])
        model.think(context)
        model.end_thinking(context)


@torch.inference_mode()
def naive(model: ThoughtModel, problems: ProblemSet) -> np.ndarray:
    """[n, L, H, T, T], the way a script written for one problem does it."""
    language, backbone = model.language, model.language.base_model
    registered = language.config._attn_implementation
    language.set_attn_implementation("eager")
    fused = [(module, module.act) for module in language.modules() if isinstance(module, GPT2MLP)]
    for module, _ in fused:
        module.act = NewGELUActivation()
    found = []
    try:
        for question in problems.questions:
            ids = torch.tensor([model.prompt_ids(question)], device=model.device)
            cache = DynamicCache(config=language.config)
            output = backbone(input_ids=ids, past_key_values=cache, use_cache=True, output_attentions=True)
            block = np.zeros((model.n_layers, model.n_heads, model.n_latents, model.n_latents), np.float32)
            for step in range(model.n_latents):
                latent = model.projection(output.last_hidden_state[:, -1:])
                output = backbone(inputs_embeds=latent, past_key_values=cache, use_cache=True, output_attentions=True)
                rows = torch.stack([layer[0, :, -1] for layer in output.attentions])
                block[:, :, step, : step + 1] = rows[..., ids.shape[1] :].float().cpu().numpy()
            eot = language.get_input_embeddings()(torch.tensor([[model.eot_id]], device=model.device))
            backbone(inputs_embeds=eot, past_key_values=cache, use_cache=True, output_attentions=True)
            found.append(block)
    finally:
        language.set_attn_implementation(registered)
        for module, act in fused:
            module.act = act
    return np.stack(found)


def take_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> Timing:
    """Every way once, round after round."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            started = time.perf_counter()
            run()
            seconds[way].append(time.perf_counter() - started)
    return Timing(seconds)


def measure(model: ThoughtModel, problems: ProblemSet, batch_size: int, rounds: int) -> Timing:
    """Take turns; the first round of each way is a warm-up and not counted."""
    ways: dict[str, Callable[[], object]] = {
        "captured": lambda: extract_attention(model, problems, batch_size),
        "plain": lambda: plain(model, problems, batch_size),
        "naive": lambda: naive(model, problems),
    }
    take_turns(ways, 1)
    return take_turns(ways, rounds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table for the models and datasets asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="default: tiny-gpt2 and tiny-llama")
    parser.add_argument("--gsm8k-path", type=Path, help="also on GSM8K from this folder")
    parser.add_argument("--n-problems", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    print(
        f"{options.n_problems} problems, batch {options.batch_size}, {torch.get_num_threads()} threads, {options.rounds} rounds"
    )
    print(
        f"{'model':<12} {'dataset':<10} {'captured/s':>10} {'captured/plain':>15} {'naive/captured':>15} {'difference':>19}"
    )
    for name in options.model or ("tiny-gpt2", "tiny-llama"):
        model = load_model(name, device="cpu")
        for dataset in ("synthetic", *(["gsm8k"] if options.gsm8k_path else [])):
            problems = load_problems(dataset, n=options.n_problems, path=options.gsm8k_path)
            timing = measure(model, problems, options.batch_size, options.rounds)
            rate = options.n_problems / statistics.median(timing.seconds["captured"])
            apart = np.abs(extract_attention(model, problems, options.batch_size).raw - naive(model, problems)).max()
            print(
                f"{name:<12} {dataset:<10} {rate:>10.0f} {timing.ratio('captured', 'plain'):>15.3f} "
                f"{timing.ratio('naive', 'captured'):>15.1f} {apart:>19.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
