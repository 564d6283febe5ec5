"""What every decoder layer adds to the residual stream, found by following its tensors rather than by its names.

A layer reads the stream, hands tensors from one of its modules to the next, and adds the last ones back. So what is added
is what no later module of the layer takes: the output of an MLP, or of the norm behind it, or of the last of several
modules that make up an MLP. Multiplying by a factor counts as a module. Of the two that a layer adds, one has gone through
the attention.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from harness.errors import HarnessError

_PRODUCTS = (torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__)


@dataclass(frozen=True)
class _Call:
    """A module's call, or a product: the storages it took, what it gave, whether that went through the attention."""

    took: frozenset[int]
    gave: Tensor
    attended: bool


class Additions:
    """Collects the parts of the residual stream step by step: a recorder to be passed to ``ThoughtModel.think``.

    Per step and sequence of a batch B: ``parts``, [B, d] each (embedding, then attention and MLP of every layer), and
    ``leaving``, [B, d] for each layer: the stream behind it, read from the layer's own output.
    """

    def __init__(self, layers: Sequence[nn.Module], architecture: str):
        self._layers, self._architecture = layers, architecture
        self._calls: list[_Call] = []
        self._attended = False
        self._depth = 0
        self.parts: list[list[Tensor]] = []
        self.leaving: list[list[Tensor]] = []

    def record(self, layer: int, query: Tensor, key: Tensor, mask: Tensor | None, scaling: float) -> None:
        """Note that the attention of a layer has run: the module that is being called is its attention."""
        self._attended = True

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block, every forward pass of the layers is followed."""
        handles = []
        for number, layer in enumerate(self._layers):
            handles.append(layer.register_forward_pre_hook(partial(self._enter, number), with_kwargs=True))
            handles.append(layer.register_forward_hook(partial(self._leave, number)))
            for module in layer.children():
                handles.append(module.register_forward_pre_hook(self._call))
                handles.append(module.register_forward_hook(self._return, with_kwargs=True))
        try:
            with _Products(self._multiplied):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, number: int, layer: nn.Module, args: Any, kwargs: Any) -> None:
        if number == 0:
            stream = _tensors((args, kwargs))[0]
            self.parts.append([stream[:, -1]])
            self.leaving.append([])
        self._calls.clear()

    def _call(self, module: nn.Module, args: Any) -> None:
        self._attended = False
        self._depth += 1

    def _return(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._depth -= 1
        self._note((args, kwargs), _tensors(output)[0], self._attended)

    def _multiplied(self, args: Any, output: Tensor) -> None:
        if self._depth == 0:
            self._note(args, output, attended=False)

    def _note(self, took: Any, gave: Tensor, attended: bool) -> None:
        storages = frozenset(map(_storage, _tensors(took)))
        behind = any(call.attended for call in self._calls if _storage(call.gave) in storages)
        self._calls.append(_Call(storages, gave, attended or behind))

    def _leave(self, number: int, layer: nn.Module, args: Any, output: Any) -> None:
        last = [
            call
            for index, call in enumerate(self._calls)
            if not any(_storage(call.gave) in later.took for later in self._calls[index + 1 :])
        ]
        attention = [call.gave for call in last if call.attended]
        rest = [call.gave for call in last if not call.attended]
        if (len(attention), len(rest)) != (1, 1):
            names = ", ".join(name for name, _ in layer.named_children())
            raise HarnessError(
                f"What layer {number} of this {self._architecture} model adds to the residual stream cannot be found: looked "
                "for one output behind its attention and one other that none of its modules takes "
                f"({names}), found {len(attention)} and {len(rest)}. Its stream cannot be decomposed."
            )
        leaving = _tensors(output)[0][:, -1]
        # Some layers work on [B * positions, d].
        self.parts[-1] += [part.reshape(len(leaving), -1, leaving.shape[-1])[:, -1] for part in (*attention, *rest)]
        self.leaving[-1].append(leaving)
        self._calls.clear()


class _Products(TorchFunctionMode):
    """Tells of every product of a tensor with another or with a number."""

    def __init__(self, tell: Callable[[Any, Tensor], None]):
        super().__init__()
        self._tell = tell

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in _PRODUCTS:
            self._tell(args, output)
        return output


def _tensors(value: Any) -> list[Tensor]:
    """All tensors of nested arguments, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [tensor for one in value for tensor in _tensors(one)] if isinstance(value, tuple | list) else []


def _storage(tensor: Tensor) -> int:
    """The same for a tensor and for its views."""
    return tensor.untyped_storage().data_ptr()
