"""One condition on one problem, the plain way: the model's own cached steps, with forward hooks. Nothing of the engine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import DynamicCache

from harness.models.thoughts import ThoughtModel

Scores = Callable[[int, int, Tensor], None]
"""Layer, own position of the query, additive mask [1, H, 1, keys] to change; own keys are the last ones."""
Replace = Callable[[int, Tensor], Tensor]
"""Latent position and activation [d]: what goes on."""


class Plain:
    """The model's own cached steps, with hooks that change scores, residual stream and heads at one own position."""

    def __init__(
        self,
        model: ThoughtModel,
        thoughts: int,
        scores: Scores | None,
        residual: dict[int, Replace],
        head: dict[tuple[int, int], Replace],
    ):
        self.model, self.thoughts = model, thoughts
        self.scores, self.residual, self.head = scores, residual, head
        self.backbone: Any = model.language.base_model
        self.cache = DynamicCache(config=model.language.config)
        self.position = 0

    def encode(self, prompt: Sequence[int]) -> Tensor:
        output = self.backbone(input_ids=torch.tensor([list(prompt)]), past_key_values=self.cache, use_cache=True)
        return output.last_hidden_state[0, -1]

    def step(self, embedding: Tensor) -> Tensor:
        seen = self.cache.get_seq_length() + 1
        output = self.backbone(
            inputs_embeds=embedding[None, None],
            attention_mask=torch.zeros(1, 1, 1, seen, dtype=embedding.dtype),
            position_ids=torch.tensor([[seen - 1]]),
            past_key_values=self.cache,
            use_cache=True,
        )
        self.position += 1
        return output.last_hidden_state[0, -1]

    def token(self, number: int) -> Tensor:
        return self.step(self.model.language.get_input_embeddings()(torch.tensor(number)))

    def logits(self, hidden: Tensor) -> Tensor:
        return self.model.language.get_output_embeddings()(hidden)

    @contextmanager
    def hooked(self) -> Iterator[None]:
        layers = self.backbone.h if hasattr(self.backbone, "h") else self.backbone.layers
        handles = []
        for number, layer in enumerate(layers):
            attention = layer.attn if hasattr(layer, "attn") else layer.self_attn
            projection = attention.c_proj if hasattr(attention, "c_proj") else attention.o_proj
            handles.append(attention.register_forward_pre_hook(partial(self._change_scores, number), with_kwargs=True))
            handles.append(projection.register_forward_pre_hook(partial(self._change_heads, number)))
            if number in self.residual:
                handles.append(layer.register_forward_hook(partial(self._change_residual, number)))
        yield
        for handle in handles:
            handle.remove()

    def _change_scores(self, layer: int, module: Any, args: Any, kwargs: Any) -> Any:
        mask = kwargs["attention_mask"].expand(-1, self.model.n_heads, -1, -1).clone()
        if self.scores is not None:
            self.scores(layer, self.position, mask)
        return args, {**kwargs, "attention_mask": mask}

    def _change_residual(self, layer: int, module: Any, args: Any, output: Tensor) -> Any:
        if self.position >= self.thoughts:
            return None
        return self.residual[layer](self.position, output[0, 0])[None, None]

    def _change_heads(self, layer: int, module: Any, args: Any) -> Any:
        if self.position >= self.thoughts:
            return None
        slices = args[0].clone().reshape(1, 1, self.model.n_heads, -1)
        for (its_layer, one), replace in self.head.items():
            if its_layer == layer:
                slices[0, 0, one] = replace(self.position, slices[0, 0, one])
        return (slices.reshape(args[0].shape),)


def answer_alone(
    model: ThoughtModel,
    prompt: Sequence[int],
    *,
    scores: Scores | None = None,
    residual: dict[int, Replace] | None = None,
    head: dict[tuple[int, int], Replace] | None = None,
    fed: Replace | None = None,
    n_latents: int | None = None,
    gold: Sequence[int] = (),
    max_tokens: int = 24,
) -> tuple[list[int], Tensor, float]:
    """Token ids, logits after EOT [V + 3], and log-probability of the gold tokens."""
    thoughts = model.n_latents if n_latents is None else n_latents

    def after_eot() -> tuple[Plain, Tensor]:
        plain = Plain(model, thoughts, scores, residual or {}, head or {})
        hidden = plain.encode(prompt)
        with plain.hooked():
            for position in range(thoughts):
                embedding = model.projection(hidden[None])[0]
                hidden = plain.step(fed(position, embedding) if fed else embedding)
            # After fewer thoughts, what is said of EOT and the answer still holds for them.
            plain.position = model.n_latents
            return plain, plain.logits(plain.token(model.eot_id))

    with torch.inference_mode():
        plain, logits = after_eot()
        log_probability, at = 0.0, logits
        with plain.hooked():
            for token in gold:
                log_probability += float(torch.log_softmax(at[: model.eot_id].double(), -1)[token])
                at = plain.logits(plain.token(token))
        plain, at = after_eot()
        ids: list[int] = []
        with plain.hooked():
            while len(ids) < max_tokens:
                ids.append(int(at[: model.eot_id].argmax()))
                if ids[-1] == model.eos_id:
                    break
                at = plain.logits(plain.token(ids[-1]))
    return ids, logits, log_probability


@dataclass(frozen=True)
class Inside:
    """What thoughts and EOT of one problem read, are and decode to, P = T + 1 positions, in float64.

    ``weights`` [L, H, P, prompt + P] as transformers' own eager attention returns them; ``states`` [P, L + 1, d]: what is fed
    and the residual stream after each layer; ``logits`` [P, V + 3].
    """

    weights: Tensor
    states: Tensor
    logits: Tensor


def attend_alone(model: ThoughtModel, prompt: Sequence[int], **ways: Any) -> Tensor:
    """[L, H, T + 1, T]: weights of thoughts and EOT on the thoughts; ``ways`` as for :func:`look_inside`."""
    return look_inside(model, prompt, **ways).weights[..., len(prompt) : -1]


def look_inside(
    model: ThoughtModel,
    prompt: Sequence[int],
    *,
    scores: Scores | None = None,
    residual: dict[int, Replace] | None = None,
    head: dict[tuple[int, int], Replace] | None = None,
    fed: Replace | None = None,
    n_latents: int | None = None,
) -> Inside:
    """One problem, followed from the first thought to EOT."""
    thoughts, latents = model.n_latents if n_latents is None else n_latents, model.n_latents
    plain = Plain(model, thoughts, scores, residual or {}, head or {})
    length = len(prompt)
    weights = torch.zeros(model.n_layers, model.n_heads, latents + 1, length + latents + 1, dtype=torch.float64)
    states = torch.zeros(latents + 1, model.n_layers + 1, model.width, dtype=torch.float64)
    logits = []

    def look(layer: int, module: Any, args: Any, output: Any) -> None:
        row, of_layer = output[1][0, :, -1], weights[layer, :, plain.position]
        own = min(row.shape[-1] - length, thoughts)
        of_layer[:, : length + own] = row[:, : length + own]
        if row.shape[-1] > length + thoughts:
            of_layer[:, length + latents] = row[:, length + thoughts]

    def leave(layer: int, module: Any, args: Any, output: Any) -> None:
        states[plain.position, layer + 1] = output[0, 0]

    layers = plain.backbone.h if hasattr(plain.backbone, "h") else plain.backbone.layers
    registered = model.language.config._attn_implementation
    with torch.inference_mode():
        hidden = plain.encode(prompt)
        model.language.set_attn_implementation("eager")
        try:
            # Eager attention of LLaMA takes its softmax in float32 whatever the model's type; random models amplify that.
            with (
                plain.hooked(),
                patch.object(torch.nn.functional, "softmax", lambda scores, dim, dtype=None: scores.softmax(dim)),
            ):
                handles = [
                    handle
                    for number, layer in enumerate(layers)
                    for handle in (
                        (layer.attn if hasattr(layer, "attn") else layer.self_attn).register_forward_hook(
                            partial(look, number)
                        ),
                        layer.register_forward_hook(partial(leave, number)),
                    )
                ]
                for position in range(thoughts):
                    embedding = model.projection(hidden[None])[0]
                    embedding = fed(position, embedding) if fed else embedding
                    states[position, 0] = embedding
                    hidden = plain.step(embedding)
                    logits.append(plain.logits(hidden))
                plain.position = latents
                states[latents, 0] = model.language.get_input_embeddings()(torch.tensor(model.eot_id))
                logits += [plain.logits(plain.token(model.eot_id))]
        finally:
            model.language.set_attn_implementation(registered)
            for handle in handles:
                handle.remove()
    return Inside(weights, states, torch.stack(logits))
