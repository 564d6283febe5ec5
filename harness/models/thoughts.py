"""ThoughtModel: encode a question, think in latents, answer (arXiv 2502.21074, evaluation mode, greedy)."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from transformers import AutoTokenizer, Cache, DynamicCache, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from harness.attention import EXPLICIT, FAST, Recorder, recording
from harness.errors import HarnessError
from harness.models.checkpoint import ADDED_TOKENS, build, build_untrained
from harness.models.memory import keep_freed_memory
from harness.models.registry import ModelFiles
from harness.models.size import parameters_without_embeddings
from harness.models.transfer import to_device

Padding = Literal["masked", "reference"]
MAX_ANSWER_TOKENS = 256


@dataclass
class Context:
    """A batch after its questions were encoded: everything later steps need."""

    cache: DynamicCache
    mask: Tensor
    """[B, keys so far], 0 on padding."""
    positions: Tensor
    """[B]: number of real tokens so far, which is the next token's position."""
    hidden: Tensor
    """[B, d]: last hidden state, after the final norm."""


class ThoughtModel:
    """A CODI model ready to think. Build one with :func:`harness.load_model`.

    Attributes: ``name``, ``fingerprint`` (content of weights, base config, tokenizer and settings),
    ``n_layers`` L, ``n_heads`` H (query heads), ``n_latents`` T, ``width`` d, ``max_positions``,
    ``device``, ``dtype``, ``padding``.
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        padding: Padding = "masked",
        untrained_seed: int | None = None,
    ):
        if device == "cpu":
            keep_freed_memory()
        attention = FAST if padding == "masked" else EXPLICIT
        self.files = files
        self.untrained_seed = untrained_seed
        self.name = files.name
        self.padding = padding
        self.tokenizer = load_tokenizer(files)
        if untrained_seed is None:
            self.language, self.projection = build(files, attention, dtype)
        else:
            self.language, self.projection = build_untrained(files, attention, dtype, untrained_seed)
        self.language.to(device)
        self.projection.to(device)
        self.device = torch.device(device)
        self.dtype = dtype
        config = self.language.config
        self.n_layers: int = config.num_hidden_layers
        self.n_heads: int = config.num_attention_heads
        self.n_latents = files.n_latents
        self.width: int = config.hidden_size
        self.max_positions = max_positions(files, config)
        self.pad_id: int = config.vocab_size - ADDED_TOKENS
        self.bot_id, self.eot_id = self.pad_id + 1, self.pad_id + 2
        self.eos_id: int = self.tokenizer.eos_token_id

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over weights, base config, tokenizer and settings."""
        return self.files.fingerprint()

    @property
    def n_parameters(self) -> int:
        """Parameters of the language model without its embeddings, the projection and LoRA."""
        return parameters_without_embeddings(self.language)

    @property
    def _embedding(self) -> torch.nn.Module:
        embedding: torch.nn.Module = self.language.get_input_embeddings()
        return embedding

    @property
    def _backbone(self) -> PreTrainedModel:
        backbone: PreTrainedModel = self.language.base_model
        return backbone

    @property
    def head_width(self) -> int:
        """Width D of one head's output, before the output projection."""
        config = self.language.config
        width: int = getattr(config, "head_dim", None) or self.width // self.n_heads
        return width

    @property
    def decoder_layers(self) -> Sequence[torch.nn.Module]:
        """The L decoder layers: each takes and returns the residual stream."""
        lists = (one for one in self._backbone.modules() if isinstance(one, torch.nn.ModuleList))
        found = next((one for one in lists if len(one) == self.n_layers), None)
        if found is None:
            raise HarnessError(
                f"{self.name} ({self.language.config.model_type}) has no list of {self.n_layers} layers among its modules; "
                "such models cannot be studied here."
            )
        return list(found)

    @torch.inference_mode()
    def embed(self, ids: Tensor) -> Tensor:
        """Input embeddings of token ids."""
        embedded: Tensor = self._embedding(ids)
        return embedded

    @torch.inference_mode()
    def feed(self, embeddings: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """Hidden states [B, S, d], after the final norm, of embeddings [B, S, d]; what they may read is not masked here."""
        output = self._backbone(
            inputs_embeds=embeddings,
            # A mask of four axes is taken as it is; the attention function of branches has its own.
            attention_mask=embeddings.new_zeros(1, 1, 1, 1),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def prompt_ids(self, question: str) -> list[int]:
        """Token ids of one question, ending with ``<bot>``."""
        return prompt_ids(self.tokenizer, self.files, self.bot_id, question)

    @torch.inference_mode()
    def encode(self, prompts: Sequence[Sequence[int]]) -> Context:
        """Encode a batch of prompts (see :meth:`prompt_ids`), left-padded to the longest."""
        ids, mask = to_device(left_padded(prompts, self.pad_id), self.device)
        cache = DynamicCache(config=self.language.config)
        positions = None if self.padding == "reference" else (mask.cumsum(-1) - 1).clamp(min=0)
        output = self._backbone(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        return Context(cache, mask, mask.sum(-1), output.last_hidden_state[:, -1])

    @torch.inference_mode()
    def step(self, context: Context, embedding: Tensor) -> Tensor:
        """Feed one embedding [B, d] to every sequence; returns the last hidden state [B, d]."""
        context.mask = torch.cat([context.mask, context.mask.new_ones(len(context.mask), 1)], dim=1)
        masked = self.padding == "masked"
        output = self._backbone(
            inputs_embeds=embedding[:, None],
            attention_mask=context.mask if masked else None,
            position_ids=context.positions[:, None] if masked else None,
            past_key_values=context.cache,
            use_cache=True,
        )
        context.positions = context.positions + 1
        context.hidden = output.last_hidden_state[:, -1]
        return context.hidden

    @torch.inference_mode()
    def think(
        self,
        context: Context,
        *,
        recorder: Recorder | None = None,
        latent_inputs: Tensor | None = None,
        n_latents: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Feed the latents, one at a time.

        ``latent_inputs`` [T, d] replaces the recurrence: the same inputs for every problem. Returns the inputs that
        were fed and the hidden states that came out, both [B, T, d].
        """
        inputs, outputs = [], []
        with recording(recorder) if recorder else nullcontext():
            for index in range(self.n_latents if n_latents is None else n_latents):
                if latent_inputs is None:
                    fed = self.projection(context.hidden)
                else:
                    fed = latent_inputs[index].to(context.hidden).expand_as(context.hidden)
                inputs.append(fed)
                outputs.append(self.step(context, fed))
        if not inputs:
            empty = context.hidden[:, None][:, :0]
            return empty, empty
        return torch.stack(inputs, dim=1), torch.stack(outputs, dim=1)

    @torch.inference_mode()
    def end_thinking(self, context: Context, *, recorder: Recorder | None = None) -> Tensor:
        """Feed ``<eot>``; returns its hidden state [B, d], from which the first answer token is chosen."""
        token = torch.full((len(context.mask),), self.eot_id, device=self.device)
        with recording(recorder) if recorder else nullcontext():
            return self.step(context, self._embedding(token))

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [B, V + 3] of hidden states [B, d] that went through the final norm."""
        scores: Tensor = self.language.get_output_embeddings()(hidden)
        return scores

    @torch.inference_mode()
    def answer(self, context: Context, max_tokens: int = MAX_ANSWER_TOKENS) -> list[list[int]]:
        """Decode greedily after :meth:`end_thinking`; token ids per problem, the EOS included. EOT is never produced."""
        ids: list[list[int]] = [[] for _ in range(len(context.mask))]
        running = torch.ones(len(ids), dtype=torch.bool, device=self.device)
        for count in range(1, max_tokens + 1):
            chosen = self.logits(context.hidden)[:, : self.eot_id].argmax(-1)
            for row in running.nonzero().flatten().tolist():
                ids[row].append(int(chosen[row]))
            running = running & (chosen != self.eos_id) & (context.positions < self.max_positions)
            if not running.any() or count == max_tokens:
                break
            # A finished row is fed on until the batch is done; its positions must stay inside the table.
            context.positions = context.positions.clamp(max=self.max_positions - 1)
            self.step(context, self._embedding(chosen))
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of answer tokens, special and CODI tokens left out."""
        return str(self.tokenizer.decode([i for i in ids if i < self.pad_id], skip_special_tokens=True))

    def generate(
        self,
        questions: Sequence[str],
        *,
        batch_size: int = 64,
        n_latents: int | None = None,
        max_tokens: int = MAX_ANSWER_TOKENS,
    ) -> list[str]:
        """Answer texts, in the order of ``questions``. ``n_latents`` fewer than T truncates the thinking."""
        prompts = [self.prompt_ids(question) for question in questions]
        self.require_fit([len(prompt) for prompt in prompts])
        texts = [""] * len(prompts)
        for rows in length_batches([len(prompt) for prompt in prompts], batch_size):
            context = self.encode([prompts[row] for row in rows])
            self.think(context, n_latents=n_latents)
            self.end_thinking(context)
            for row, ids in zip(rows, self.answer(context, max_tokens), strict=True):
                texts[row] = self.decode(ids)
        return texts

    def require_fit(self, lengths: Sequence[int]) -> None:
        """Raise a ``HarnessError`` that names the first prompt of so many tokens too long for the model's positions."""
        require_fit(self.name, self.max_positions, self.n_latents, lengths)


def max_positions(files: ModelFiles, config: PretrainedConfig) -> int:
    """Number of positions the base states. Errors: ``HarnessError`` where it has none."""
    stated = getattr(config, "max_position_embeddings", None)
    if stated is None:
        raise HarnessError(
            f"The base in {files.base} is a {config.model_type} model without a stated number of positions "
            "(max_position_embeddings); such models cannot be studied here."
        )
    return int(stated)


def load_tokenizer(files: ModelFiles) -> PreTrainedTokenizerBase:
    """The base model's tokenizer, without running any code from its folder."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            files.base, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # transformers raises many types for a bad tokenizer
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(f"The tokenizer in {files.base} cannot be loaded: {reason}") from error
    if tokenizer.eos_token_id is None:
        raise HarnessError(f"The tokenizer in {files.base} has no EOS token; answers could not end.")
    return tokenizer


def prepared(question: str) -> str:
    """The text that is tokenised: the question trimmed, double spaces made one."""
    return question.strip().replace("  ", " ")


def prompt_ids(tokenizer: PreTrainedTokenizerBase, files: ModelFiles, bot_id: int, question: str) -> list[int]:
    """Token ids of ``question`` as the reference prepares it: trimmed, tokenised, ``<bot>`` appended."""
    ids: list[int] = tokenizer(prepared(question))["input_ids"]
    return [*ids, *([] if files.remove_eos else [tokenizer.eos_token_id]), bot_id]


def left_padded(prompts: Sequence[Sequence[int]], pad_id: int) -> Tensor:
    """Token ids and mask (0 on padding) of B prompts, each ending in the last of K columns: int64 [2, B, K]."""
    longest = max(len(ids) for ids in prompts)
    both = torch.zeros((2, len(prompts), longest), dtype=torch.long)
    both[0] = pad_id
    for row, prompt in enumerate(prompts):
        both[0, row, longest - len(prompt) :] = torch.tensor(prompt)
        both[1, row, longest - len(prompt) :] = 1
    return both


def require_fit(name: str, max_positions: int, n_latents: int, lengths: Sequence[int]) -> None:
    """Raise a ``HarnessError`` when question, latents, EOT and one answer token do not fit the positions."""
    room = max_positions - n_latents - 2
    for row, length in enumerate(lengths):
        if length > room:
            raise HarnessError(
                f"Question {row + 1} of {len(lengths)} has {length} tokens, but {name} has {max_positions} positions and "
                f"needs {n_latents + 2} of them to think and answer. Leave out questions of more than {room} tokens, or "
                "use a model with more positions."
            )


def length_batches(lengths: Sequence[int], batch_size: int, block: int | None = None) -> Iterator[list[int]]:
    """Rows in batches of similar length: shortest first, ties in order. A pure function of its arguments.

    With ``block``, that many rows after one another are finished before the next ones begin.
    """
    block = block or max(1, len(lengths))
    for first in range(0, len(lengths), block):
        order = sorted(range(first, min(first + block, len(lengths))), key=lambda row: (lengths[row], row))
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]
