"""Between host and accelerator: no copy that waits for another, and as few of them as there can be.

A copy from or to ordinary memory makes the host wait until the device has done all it was given before. From page-locked
memory it is only queued.
"""

from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_WORD = 4


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on ``device``; for CUDA the copy is queued and nothing is waited for."""
    if device.type != "cuda":
        return tensor.to(device)
    # The page-locked memory is not reused before the copy is done: torch notes which stream reads it.
    return tensor.pin_memory().to(device, non_blocking=True)


def to_host(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """The tensors as arrays; from CUDA in one copy, for which they must be of four bytes a value and on one device."""
    if not any(tensor.is_cuda for tensor in tensors.values()):
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    flat = packed(tensors)
    host = torch.empty(flat.shape, dtype=flat.dtype, pin_memory=True)
    host.copy_(flat, non_blocking=True)
    torch.cuda.current_stream(flat.device).synchronize()
    return unpacked(host.numpy(), tensors)


def packed(tensors: Mapping[str, Tensor]) -> Tensor:
    """The bits of all values one after another, int32 [values]. Errors: ``ValueError`` for types of other than four bytes."""
    wide = sorted({str(tensor.dtype) for tensor in tensors.values() if tensor.element_size() != _WORD})
    if wide:
        raise ValueError(f"only values of {_WORD} bytes are packed, not {', '.join(wide)}")
    return torch.cat([tensor.reshape(-1).view(torch.int32) for tensor in tensors.values()])


def unpacked(flat: NDArray[np.int32], like: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """What :func:`packed` made one of, as views of it, with the names, types and shapes of ``like``."""
    ends = [0, *accumulate(tensor.numel() for tensor in like.values())]
    return {
        name: flat[start:stop].view(_numpy_type(tensor.dtype)).reshape(tuple(tensor.shape))
        for (name, tensor), (start, stop) in zip(like.items(), pairwise(ends), strict=True)
    }


def _numpy_type(dtype: torch.dtype) -> np.dtype:
    return torch.empty(0, dtype=dtype).numpy().dtype
