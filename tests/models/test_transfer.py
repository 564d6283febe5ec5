"""What goes between host and accelerator keeps every bit, and nothing in between makes the host wait."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from harness.models.thoughts import left_padded
from harness.models.transfer import packed, to_host, unpacked


@given(
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=5),
    whole=st.lists(st.booleans(), min_size=5, max_size=5),
    seed=st.integers(0, 99),
)
def test_packed_tensors_come_out_bit_for_bit(shapes: list[list[int]], whole: list[bool], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for place, shape in enumerate(shapes):
        # Any bits, NaN of every kind included.
        bits = torch.randint(-(2**31), 2**31 - 1, shape, generator=generator).to(torch.int32)
        tensors[str(place)] = bits if whole[place] else bits.view(torch.float32)
    found = unpacked(packed(tensors).numpy(), tensors)
    plain = to_host(tensors)
    assert list(found) == list(plain) == list(tensors)
    for name, array in plain.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_views_are_packed_in_the_order_of_their_axes() -> None:
    block = torch.arange(24, dtype=torch.int32).reshape(2, 3, 4)
    tensors = {
        "turned": block.transpose(0, 2),
        "every second": block.reshape(-1)[::2],
        "spread": block[:, :1].expand(2, 5, 4),
    }
    found = unpacked(packed(tensors).numpy(), tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_values_of_another_width_are_not_packed() -> None:
    with pytest.raises(ValueError, match=r"only values of 4 bytes are packed, not torch.bfloat16, torch.int64"):
        packed({"a": torch.zeros(2), "b": torch.zeros(2, dtype=torch.bfloat16), "c": torch.zeros(2, dtype=torch.long)})


def test_prompts_are_padded_on_the_left() -> None:
    ids, mask = left_padded([[5, 6, 7], [8]], 9)
    assert ids.tolist() == [[5, 6, 7], [9, 9, 8]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert ids.is_contiguous() and mask.is_contiguous()
