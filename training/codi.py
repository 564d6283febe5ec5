"""CODI's two passes over a batch, their losses, and greedy answering.

CODI (arXiv 2502.21074) trains one network in two roles. The teacher reads a question and writes the reasoning and the
answer. The student reads the question and a ``<bot>`` token, feeds itself a few latent vectors, each the projection of
the last hidden state, and after an ``<eot>`` token writes the answer. At the token before the answer the student's
hidden states in all layers are drawn to the teacher's.

Batches hold questions of several lengths, padded on the left; padding is masked in every pass and positions count from
each question's first token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from harness.problems.synthetic import Problem
from training.network import MASKED, KeysValues, Network, Weights
from training.tokenizer import ANSWER_PREFIX

ADDED_TOKENS = 3
IGNORED = -100


@dataclass(frozen=True)
class Vocabulary:
    """Token ids a pass needs; pad, bot and eot follow the tokenizer's own vocabulary, as in CODI."""

    tokenizer: PreTrainedTokenizerFast

    @property
    def size(self) -> int:
        """Number of tokens before the three added ones; also the id of pad."""
        return len(self.tokenizer)

    @property
    def bot(self) -> int:
        """Id of the token that begins the latents."""
        return self.size + 1

    @property
    def eot(self) -> int:
        """Id of the token that ends the latents."""
        return self.size + 2

    def encode(self, texts: Sequence[str], special: bool) -> list[list[int]]:
        """Encode texts, with the tokenizer's default special tokens or without any."""
        encodings = self.tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=special)
        return [encoding.ids for encoding in encodings]


@dataclass(frozen=True)
class Batch:
    """Token ids of B problems.

    Attributes:
        prompt: questions, padded on the left, then bot: [B, Q + 1].
        lengths: number of question tokens [B].
        reasoning: reasoning, answer and end token, padded on the right by -100: [B, C].
        reasoning_lengths: their numbers of tokens [B].
        answer: answer sentence and end token [B, A]; its second last token is the number.
    """

    prompt: Tensor
    lengths: Tensor
    reasoning: Tensor
    reasoning_lengths: Tensor
    answer: Tensor


def prompt_batch(vocabulary: Vocabulary, questions: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return left-padded questions followed by bot [B, Q + 1] and the number of question tokens [B]."""
    ids = vocabulary.encode([question.strip().replace("  ", " ") for question in questions], special=True)
    longest = max(map(len, ids))
    rows = [[vocabulary.size] * (longest - len(row)) + row + [vocabulary.bot] for row in ids]
    return torch.tensor(rows), torch.tensor([len(row) for row in ids])


def make_batch(vocabulary: Vocabulary, problems: Sequence[Problem]) -> Batch:
    """Tokenise problems; the reasoning is the list of their ``<<a+b=c>>`` annotations."""
    prompt, lengths = prompt_batch(vocabulary, [problem.question for problem in problems])
    answers = [f"{ANSWER_PREFIX} {problem.steps[-1][3]}" for problem in problems]
    reasonings = [" ".join(re.findall(r"<<.*?>>", problem.answer)) for problem in problems]
    end = vocabulary.tokenizer.eos_token_id
    answer_ids = [[*row, end] for row in vocabulary.encode(answers, special=False)]
    rows = [a + b for a, b in zip(vocabulary.encode(reasonings, special=False), answer_ids, strict=True)]
    longest = max(map(len, rows))
    padded = [row + [IGNORED] * (longest - len(row)) for row in rows]
    return Batch(
        prompt, lengths, torch.tensor(padded), torch.tensor([len(row) for row in rows]), torch.tensor(answer_ids)
    )


def project(prj: Weights, hidden: Tensor) -> Tensor:
    """Map final hidden states [..., d] to latents [..., d]: Linear, GELU, Linear, LayerNorm."""
    inner = F.gelu(F.linear(hidden, prj["prj.1.weight"], prj["prj.1.bias"]))
    outer = F.linear(inner, prj["prj.3.weight"], prj["prj.3.bias"])
    return F.layer_norm(outer, outer.shape[-1:], prj["prj.ln.weight"], prj["prj.ln.bias"])


def _prompt_masks(prompt: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return which prompt columns are real [B, Q + 1] and every column's position."""
    starts = prompt.shape[1] - 1 - lengths
    columns = torch.arange(prompt.shape[1])
    return columns >= starts[:, None], (columns - starts[:, None]).clamp(min=0)


@dataclass(frozen=True)
class Reading:
    """A question that has been read: what the latents need of it.

    Attributes:
        prefix: keys and values of the prompt columns per layer.
        bias: 0 on real columns, hugely negative on padding [B, 1, 1, Q + 1].
        hidden: final hidden state at bot [B, d].
        position: position of the first latent [B].
    """

    prefix: list[KeysValues]
    bias: Tensor
    hidden: Tensor
    position: Tensor


@dataclass(frozen=True)
class Teaching:
    """The teacher's pass.

    Attributes:
        loss: mean cross-entropy over the reasoning and answer tokens.
        states: hidden states at the token before the answer number, each [B, d].
        reading: the read question, for the student.
        correct: whether every token was the likeliest, so that greedy decoding writes the whole text [B].
    """

    loss: Tensor
    states: list[Tensor]
    reading: Reading
    correct: Tensor


def teach(network: Network, batch: Batch, offsets: Tensor | int = 0, tokens: int | None = None) -> Teaching:
    """Run the teacher, and read the question for the student in the same pass.

    The reasoning does not see bot and takes the positions right after the question.

    Args:
        network: the network.
        batch: B problems.
        offsets: added to all positions, one number or [B].
        tokens: size of the vocabulary the loss is over (None: all tokens).
    """
    width, extra = batch.prompt.shape[1], batch.reasoning.shape[1]
    real, positions = _prompt_masks(batch.prompt, batch.lengths)
    ids = torch.cat([batch.prompt, batch.reasoning.clamp(min=0)], dim=1)
    positions = torch.cat([positions, batch.lengths[:, None] + torch.arange(extra)], dim=1)
    if not isinstance(offsets, int):
        offsets = offsets[:, None]
    visible = torch.cat([real, torch.ones(len(real), extra, dtype=torch.bool)], dim=1)
    allowed = torch.ones(width + extra, width + extra, dtype=torch.bool).tril()
    allowed[width:, width - 1] = False
    allowed = (allowed & visible[:, None]) | torch.eye(width + extra, dtype=torch.bool)
    bias = torch.zeros(allowed.shape).masked_fill_(~allowed, MASKED)[:, None]
    states, cache = network(network.embed(ids), positions + offsets, bias)
    final = torch.cat([states[-1][:, width - 2 : width - 1], states[-1][:, width:-1]], dim=1)
    logits = network.logits(final)[..., :tokens]
    loss = F.cross_entropy(logits.flatten(0, 1), batch.reasoning.flatten(), ignore_index=IGNORED)
    rows = torch.arange(len(ids))
    before = width + batch.reasoning_lengths - 3
    reading = Reading(
        [(keys[:, :, :width], values[:, :, :width]) for keys, values in cache],
        torch.zeros(real.shape).masked_fill_(~real, MASKED)[:, None, None],
        states[-1][:, width - 1],
        batch.lengths + 1,
    )
    correct = ((logits.argmax(-1) == batch.reasoning) | (batch.reasoning == IGNORED)).all(dim=1)
    return Teaching(loss, [state[rows, before] for state in states], reading, correct)


def read(network: Network, prompt: Tensor, lengths: Tensor) -> Reading:
    """Run the network over left-padded questions [B, Q + 1] of ``lengths`` tokens [B]."""
    real, positions = _prompt_masks(prompt, lengths)
    allowed = torch.ones(prompt.shape[1], prompt.shape[1], dtype=torch.bool).tril()
    allowed = (allowed & real[:, None]) | torch.eye(prompt.shape[1], dtype=torch.bool)
    bias = torch.zeros(allowed.shape).masked_fill_(~allowed, MASKED)[:, None]
    states, cache = network(network.embed(prompt), positions, bias)
    key_bias = torch.zeros(real.shape).masked_fill_(~real, MASKED)[:, None, None]
    return Reading(cache, key_bias, states[-1][:, -1], lengths + 1)


def think(
    network: Network, prj: Weights, reading: Reading, latents: int, zero: bool = False
) -> list[KeysValues] | None:
    """Feed the latents; return their keys and values per layer.

    Args:
        network: the network.
        prj: the projection's weights.
        reading: the read questions.
        latents: how many latents are fed.
        zero: feed zeros in place of every latent.
    """
    hidden, recent = reading.hidden, None
    for index in range(latents):
        latent = project(prj, hidden)
        if zero:
            latent = torch.zeros_like(latent)
        positions = (reading.position + index)[:, None]
        bias = torch.zeros(1, 1, 1, index + 1)
        states, recent = network(
            latent[:, None], positions, bias, prefix=reading.prefix, prefix_bias=reading.bias, recent=recent
        )
        hidden = states[-1][:, 0]
    return recent


def _continue(
    network: Network, ids: Tensor, start: Tensor, reading: Reading, recent: list[KeysValues] | None
) -> tuple[list[Tensor], list[KeysValues]]:
    """Feed tokens [B, S] from position ``start`` [B] after the question and whatever followed it."""
    length = ids.shape[1]
    before = 0 if recent is None else recent[0][0].shape[2]
    later = torch.ones(length, before + length, dtype=torch.bool).triu(before + 1)
    bias = torch.zeros(length, before + length).masked_fill_(later, MASKED)[None, None]
    positions = start[:, None] + torch.arange(length)
    return network(network.embed(ids), positions, bias, prefix=reading.prefix, prefix_bias=reading.bias, recent=recent)


@dataclass(frozen=True)
class Losses:
    """The three parts of CODI's loss and how the student did.

    Attributes:
        teacher: mean cross-entropy of reasoning and answer.
        student: mean cross-entropy of the student's answer.
        distillation: smooth L1 distance of hidden states before the answer over the teacher's deviation, mean over
            layers.
        correct: whether the answer number is the student's likeliest token after the given answer sentence [B].
    """

    teacher: Tensor
    student: Tensor
    distillation: Tensor
    correct: Tensor


def _misled(reading: Reading) -> Reading:
    """Give every second row the question of the row before it, its own position kept."""
    rows = torch.arange(len(reading.position))
    rows -= rows % 2
    prefix = [(keys[rows], values[rows]) for keys, values in reading.prefix]
    return replace(reading, prefix=prefix, bias=reading.bias[rows])


def codi_losses(
    network: Network,
    prj: Weights,
    vocabulary: Vocabulary,
    batch: Batch,
    latents: int,
    answer_weight: float = 1.0,
    mislead: bool = False,
) -> Losses:
    """Run teacher and student over a batch.

    Args:
        network: the network.
        prj: the projection's weights.
        vocabulary: token ids.
        batch: B problems.
        latents: how many latents are fed.
        answer_weight: weighs the answer number in the student's loss.
        mislead: let every second answer read its own latents after another problem's question, so that an answer
            computed from the question alone is wrong as often as right.
    """
    teaching = teach(network, batch)
    reading = teaching.reading
    recent = think(network, prj, reading, latents)
    eot = torch.full((len(batch.answer), 1), vocabulary.eot)
    ids = torch.cat([eot, batch.answer[:, :-1]], dim=1)
    shown = _misled(reading) if mislead else reading
    states, _ = _continue(network, ids, reading.position + latents, shown, recent)
    logits = network.logits(states[-1])
    token_losses = F.cross_entropy(logits.flatten(0, 1), batch.answer.flatten(), reduction="none")
    importance = torch.ones(batch.answer.shape[1])
    importance[-2] = answer_weight
    student_loss = (token_losses.view(batch.answer.shape) * importance).mean()
    distances = [
        F.smooth_l1_loss(state[:, -2], target.detach()) / target.detach().std()
        for state, target in zip(states, teaching.states, strict=True)
    ]
    correct = logits[:, -2].argmax(-1) == batch.answer[:, -2]
    return Losses(teaching.loss, student_loss, torch.stack(distances).mean(), correct)


@torch.no_grad()
def answer_questions(
    network: Network,
    prj: Weights,
    vocabulary: Vocabulary,
    questions: Sequence[str],
    *,
    latents: int,
    zero: bool = False,
    max_tokens: int = 16,
) -> list[str]:
    """Answer questions greedily; ``zero`` and ``latents`` as in `think`.

    The eot token is never produced; the end token or ``max_tokens`` ends an answer.
    """
    prompt, lengths = prompt_batch(vocabulary, questions)
    reading = read(network, prompt, lengths)
    recent = think(network, prj, reading, latents, zero)
    token = torch.full((len(prompt), 1), vocabulary.eot)
    produced = []
    for index in range(max_tokens):
        states, recent = _continue(network, token, reading.position + latents + index, reading, recent)
        token = network.logits(states[-1][:, -1:])[..., : vocabulary.eot].argmax(-1)
        produced.append(token)
        if all((row == vocabulary.tokenizer.eos_token_id).any() for row in torch.cat(produced, dim=1)):
            break
    texts = []
    for row in torch.cat(produced, dim=1).tolist():
        end = vocabulary.tokenizer.eos_token_id
        kept = row[: row.index(end)] if end in row else row
        texts.append(vocabulary.tokenizer.decode([token for token in kept if token < vocabulary.size]))
    return texts
