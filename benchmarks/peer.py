"""The same capture with nnsight (``pip install nnsight``), side by side: ``python -m benchmarks.peer``.

nnsight gets the benefit of the harness' batches and of the fast kernel while the question is encoded. The thoughts are
then fed inside its traces with eager attention, which is the kernel that hands out weights, and every layer's weights are
saved. The two ways take turns on the same problems; medians over rounds and the largest difference are printed.
"""

import argparse
import statistics
import time
from collections.abc import Sequence

import nnsight
import numpy as np
import torch

from harness.extraction.extract import extract_attention
from harness.models.load import load_model
from harness.models.thoughts import ThoughtModel, length_batches
from harness.problems import ProblemSet, load_problems


@torch.inference_mode()
def with_nnsight(model: ThoughtModel, problems: ProblemSet, batch_size: int) -> np.ndarray:
    """[n, L, H, T, T], captured by nnsight."""
    prompts = [model.prompt_ids(question) for question in problems.questions]
    raw = np.zeros((len(prompts), model.n_layers, model.n_heads, model.n_latents, model.n_latents), np.float32)
    language = model.language
    registered = language.config._attn_implementation
    traced = nnsight.NNsight(language.base_model)
    gpt2 = language.config.model_type == "gpt2"
    attention = [layer.attn for layer in traced.h] if gpt2 else [layer.self_attn for layer in traced.layers]
    for rows in length_batches([len(prompt) for prompt in prompts], batch_size):
        context = model.encode([prompts[row] for row in rows])
        width = context.mask.shape[1]
        language.set_attn_implementation("eager")
        try:
            for step in range(model.n_latents + 1):
                if step < model.n_latents:
                    fed = model.projection(context.hidden)
                else:
                    token = torch.full((len(rows),), model.eot_id)
                    fed = language.get_input_embeddings()(token)
                context.mask = torch.cat([context.mask, context.mask.new_ones(len(rows), 1)], dim=1)
                with traced.trace(
                    inputs_embeds=fed[:, None],
                    attention_mask=context.mask,
                    position_ids=context.positions[:, None],
                    past_key_values=context.cache,
                    use_cache=True,
                ):
                    weights = nnsight.save([layer.output[1] for layer in attention])
                    hidden = nnsight.save(traced.output.last_hidden_state)
                context.positions = context.positions + 1
                context.hidden = hidden[:, -1]
                if step < model.n_latents:
                    block = torch.stack(weights, dim=1)[..., -1, width : width + step + 1]
                    raw[rows, :, :, step, : step + 1] = block.numpy()
        finally:
            language.set_attn_implementation(registered)
    return raw


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-problems", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    problems = load_problems("synthetic", n=options.n_problems)
    print(f"{'model':<12} {'harness/s':>10} {'nnsight/s':>10} {'nnsight/harness':>16} {'difference':>11}")
    for name in ("tiny-gpt2", "tiny-llama"):
        model = load_model(name, device="cpu")
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(options.rounds + 1):
            started = time.perf_counter()
            mine = extract_attention(model, problems, options.batch_size).raw
            between = time.perf_counter()
            other = with_nnsight(model, problems, options.batch_size)
            if turn:
                ours.append(between - started)
                theirs.append(time.perf_counter() - between)
        ratio = statistics.median(slow / fast for slow, fast in zip(theirs, ours, strict=True))
        rates = [options.n_problems / statistics.median(seconds) for seconds in (ours, theirs)]
        print(
            f"{name:<12} {rates[0]:>10.0f} {rates[1]:>10.0f} {ratio:>16.2f} {np.abs(mine - other).max():>11.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
