"""The memory of the process: what was freed stays within it, and how much it had at most.

A batch allocates and frees tensors of several MB thousands of times. By default glibc hands each back to the system and
asks for it again, which costs a page fault per 4 kB: a fifth to a third of an extraction on the CPU.
"""

import ctypes
import platform
import resource
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
_NEVER = 2**31 - 1


@cache
def keep_freed_memory() -> None:
    """Tell glibc to reuse freed memory, once per process; elsewhere do nothing."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)


def peak_memory(device: str) -> int:
    """Most bytes the process had at once so far: of the accelerator where ``device`` is "cuda", else of the host."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
