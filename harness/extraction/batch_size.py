"""How many problems go into one forward pass when nobody says: a function of what does not change between two runs.

The content key of an extraction has the batch size in it, so memory that happens to be free must not decide.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.extraction.patterns import AUTO_BATCH_SIZE
from harness.models.registry import ModelFiles

if TYPE_CHECKING:
    from harness.models.size import Sizes

LARGEST = 1024
BATCHES_OF_A_BLOCK = 4
"""Batches at least that problems sorted by length are run in: all in one would be padded to the longest of them."""
MEMORY_TO_FILL = 0.8
"""The share of a device's memory that is planned for; the driver takes some of the rest, and gaps between tensors do."""
_SINGLE, _BYTES = 4, {"float32": 4, "bfloat16": 2, "float16": 2}
_ROW_VALUES = 4
"""Values kept of each captured row beside its weights on the thoughts: its sum, first token, bot, and the answer's weight."""
_COPIES = 3
"""Captured values exist by layer, stacked, and packed for the host, for a moment all at once."""


def auto_batch_size(
    files: ModelFiles, questions: Sequence[str], device: str, dtype: str, block: int | None = None
) -> int:
    """Problems per batch for the longest of ``questions`` on ``device``; ``dtype`` is a name. Loads torch for CUDA only.

    ``block``: how many problems are sorted by length at a time; all of them unless named.

    Errors: ``HarnessError`` for a tokenizer or a config that cannot be read.
    """
    if not device.startswith("cuda"):
        return AUTO_BATCH_SIZE
    import torch

    from harness.models.size import sizes
    from harness.models.thoughts import load_tokenizer, prompt_ids

    tokenizer = load_tokenizer(files)
    longest = max(len(prompt_ids(tokenizer, files, 0, question)) for question in questions)
    model, value = sizes(files.base), _BYTES[dtype]
    return batch_size_within(
        torch.cuda.get_device_properties(device).total_memory,
        model.parameters * value,
        bytes_per_problem(model, longest, files.n_latents, value),
        block or len(questions),
    )


def batch_size_within(total: int, weights: int, per_problem: int, block: int) -> int:
    """The largest power of two, from 64 to 1024, of problems that fit ``total`` bytes beside the weights; 64 if none does.

    It is at most a quarter of the ``block`` of problems that are sorted by length, where that is more than 64.
    """
    room = int(total * MEMORY_TO_FILL) - weights
    fitting = max(1, min(room // per_problem, block // BATCHES_OF_A_BLOCK))
    return min(LARGEST, max(AUTO_BATCH_SIZE, 1 << (fitting.bit_length() - 1)))


def bytes_per_problem(model: "Sizes", tokens: int, latents: int, value: int) -> int:
    """The most bytes one problem of a batch takes at once, with prompts of so many tokens; ``value`` bytes a value.

    Keys and values are kept in every layer, what is in between in one layer only. There they are also repeated for all
    query heads, the residual stream is there twice in float32 for the norm, and each query has a row of the mask, true or
    false and as numbers. While rows are captured, the encoding is over; the larger of the two counts.
    """
    keys = tokens + latents + 1
    kept = 2 * model.layers * model.key_heads * model.head_width * keys * value
    of_token = value * (model.of_layer + 2 * model.heads * model.head_width) + 2 * _SINGLE * model.width
    encoding = tokens * of_token + tokens * tokens * (1 + value)
    rows = _SINGLE * keys * (model.key_heads * model.head_width + 3 * model.heads * (latents + 1))
    captured = _COPIES * _SINGLE * model.layers * model.heads * latents * (latents + _ROW_VALUES)
    return kept + max(encoding, rows + captured)
