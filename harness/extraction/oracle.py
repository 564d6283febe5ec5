"""Independent looks at the same problems, to hold the extraction against.

The oracle is one plain forward of the unmodified transformers model over the whole sequence (question,
``<bot>``, latents) with eager attention and no cache. The lone run is the extraction with a batch of one.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from harness.extraction.extract import run_rows
from harness.extraction.patterns import AttentionPatterns, Looks
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet


def spread_rows(lengths: Sequence[int], count: int = 5) -> list[int]:
    """Rows of ``count`` problems of as different a length as there are: shortest, longest, evenly between."""
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    picks = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [order[pick] for pick in picks]


def consult(model: ThoughtModel, problems: ProblemSet, patterns: AttentionPatterns) -> Looks:
    """Run the oracle and the lone runs on problems of different length, on the recorded latent inputs."""
    rows = spread_rows(patterns.context_length.tolist())
    prompts = [model.prompt_ids(question) for question in problems.questions]
    seen = [_whole_forward(model, prompts[row], patterns.latent_inputs[row]) for row in rows]
    # In 16 bits the recurrence amplifies rounding beyond any tolerance, so the recorded inputs are fed again.
    recurrent = model.dtype.itemsize >= torch.float32.itemsize
    lone = [
        run_rows(model, prompts, [row], None if recurrent else np.array(patterns.latent_inputs[row]))["raw"][0]
        for row in rows
    ]
    return Looks(
        np.array(rows), np.stack([raw for raw, _ in seen]), np.array([later for _, later in seen]), np.stack(lone)
    )


@torch.inference_mode()
def _whole_forward(
    model: ThoughtModel, prompt: Sequence[int], latent_inputs: NDArray[np.float32]
) -> tuple[NDArray[np.float32], np.float32]:
    language = model.language
    table = language.get_input_embeddings()
    question = table(torch.tensor([list(prompt)], device=model.device))
    latents = torch.from_numpy(np.array(latent_inputs)).to(question)[None]
    registered = language.config._attn_implementation
    language.set_attn_implementation("eager")
    try:
        output = language.base_model(
            inputs_embeds=torch.cat([question, latents], dim=1), output_attentions=True, use_cache=False
        )
    finally:
        language.set_attn_implementation(registered)
    attention = torch.stack([layer[0].float() for layer in output.attentions])[:, :, len(prompt) :]
    block = attention[..., len(prompt) :]
    later = torch.triu(block, diagonal=1).max()
    return torch.tril(block).cpu().numpy(), np.float32(later.cpu())
