"""Train one embedded CODI model: ``python -m training.train_codi tiny-llama --out DIR --seed 0``.

First a teacher learns to write reasoning and answer with all its weights (phase 1). Then its weights are frozen and
LoRA adapters and the projection are trained on CODI's three losses, in one or more rounds, the longest chain growing
from one operation to five as the student succeeds (phase 2). Every schedule is counted in steps, and every step draws
its problems from a generator seeded by the seed and the step's number, so a seed determines the result and an
interrupted run goes on from its last saved state exactly.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from harness.problems.synthetic import NO_EMPHASIS, STEP_COUNTS, Emphasis, Problem, TrainingProblems, generate_split
from training.checkpoint import LATENTS, LORA_RANK, LORA_SCALE, merge_lora, save_model
from training.codi import (
    ADDED_TOKENS,
    Vocabulary,
    codi_losses,
    make_batch,
    teach,
)
from training.evaluate import SHAPES, evaluate, overall, report_accuracy
from training.muon import Muon
from training.network import Network, Shape, Weights, initial_weights
from training.tokenizer import build_tokenizer

PROJECTION_WIDTH = 128
FROZEN_BY_PAUSE = ("prj.3.weight", "prj.3.bias")


LATE_PRODUCTS = Emphasis(late_products=3.0)


@dataclass(frozen=True)
class Round:
    """One warm-up, stretch and decay of the learning rate in phase 2.

    Attributes:
        steps: number of steps.
        rate: peak learning rate.
        emphasis: which operations every second problem holds more of.
        mislead: whether every second answer is written after another problem's question (see `codi_losses`).
    """

    steps: int
    rate: float
    emphasis: Emphasis = LATE_PRODUCTS
    mislead: bool = False


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes:
        teacher_steps, teacher_rate: steps and peak learning rate of phase 1.
        rounds: the rounds of phase 2.
        teacher_batch, student_batch: problems per step.
        parts: pieces a batch is cut into by length, which saves padding; gradients are added.
        warmup: steps of linear growth of the rate.
        decay_from: fraction of phase 1 and of each round after which the rate falls linearly to zero.
        distillation: weight of the distillation loss.
        answer_weight: weight of the answer number within the student's cross-entropy, the other tokens having 1.
        latent_scale: first value of the gain of the projection's LayerNorm.
        advance: running student accuracies at which the longest chain grows from one, two, three and four operations.
        shifted: share of phase-1 steps whose positions are shifted at random, so that every position is trained.
        report_every: steps between reports, validations and saved states.
        validation: number of problems of the training split that progress is judged on.
    """

    teacher_steps: int = 1200
    rounds: Sequence[Round] = (Round(3000, 4e-3),)
    teacher_batch: int = 32
    student_batch: int = 64
    parts: int = 1
    teacher_rate: float = 3e-3
    warmup: int = 50
    decay_from: float = 0.6
    distillation: float = 3.0
    answer_weight: float = 6.0
    latent_scale: float = 0.25
    advance: Sequence[float] = (0.72, 0.66, 0.5, 0.5)
    shifted: float = 0.1
    report_every: int = 100
    validation: int = 400


RECIPES = {
    "tiny-gpt2": Recipe(rounds=(Round(4200, 4e-3, mislead=True),)),
    "tiny-llama": Recipe(rounds=(Round(4200, 4e-3),)),
}


@dataclass
class Run:
    """Everything that changes during training."""

    base: Weights
    lora: Weights = field(default_factory=dict)
    prj: Weights = field(default_factory=dict)
    phase: int = 1
    step: int = 0
    longest: int = 1
    running: float = 0.0
    best: float = -1.0


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the factor of the peak rate: linear warm-up, constant, linear decay to zero."""
    decay = (steps - step) / (steps * (1 - recipe.decay_from))
    return min(1.0, (step + 1) / recipe.warmup, decay)


class Trainer:
    """Trains one model.

    Args:
        name: "tiny-gpt2" or "tiny-llama".
        out: folder the model and the state of the run are written to.
        seed: seed of weights, problems and splits.
        recipe: how to train.
        pause: train the control without recurrence, whose latents are one learned constant.
        shape: sizes of the network (None: those of ``name``).
    """

    def __init__(
        self, name: str, out: Path, seed: int, recipe: Recipe, *, pause: bool = False, shape: Shape | None = None
    ) -> None:
        self.name, self.out, self.seed, self.recipe, self.pause = name, out, seed, recipe, pause
        self.shape = shape or SHAPES[name]
        self.vocabulary = Vocabulary(build_tokenizer(prepend_bos=self.shape.family == "llama"))
        self.problems = TrainingProblems(seed)
        self.validation = generate_split("train", seed)[: recipe.validation]
        self.generator = torch.Generator().manual_seed(seed)
        rows = self.vocabulary.size + ADDED_TOKENS
        self.run = Run(initial_weights(self.shape, rows, self.generator))
        self.optimizers: list[torch.optim.Optimizer] = []
        self._started = time.monotonic()

    @property
    def _state_path(self) -> Path:
        return self.out / "training_state.pt"

    def train(self) -> None:
        """Train from the saved state if there is one, else from the start; leave the best model in ``out``."""
        self.out.mkdir(parents=True, exist_ok=True)
        if self._state_path.exists():
            self._resume()
        else:
            self._optimise(self.run.base, self.recipe.teacher_rate)
        if self.run.phase == 1:
            self._phase(self.recipe.teacher_steps, self.recipe.teacher_rate, self._teacher_step, self._report_teacher)
            self._begin_student()
        while True:
            self._phase(self._round.steps, self._round.rate, self._student_step, self._report_student)
            if self.run.phase > len(self.recipe.rounds):
                return
            self.run.phase, self.run.step = self.run.phase + 1, 0
            self._optimise({**self.run.lora, **self.run.prj}, self._round.rate)

    @property
    def _round(self) -> Round:
        """The round under way; the state counts phase 1 as 1 and the rounds of phase 2 from 2."""
        return self.recipe.rounds[self.run.phase - 2]

    def _phase(self, steps: int, rate: float, take_step: Callable[[], str], report: Callable[[], str]) -> None:
        while self.run.step < steps:
            factor = learning_rate(self.recipe, self.run.step, steps)
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate * factor
            losses = take_step()
            parameters = [p for o in self.optimizers for g in o.param_groups for p in g["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, 2.0)
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            self.run.step += 1
            if self.run.step % self.recipe.report_every == 0 or self.run.step == steps:
                minutes = (time.monotonic() - self._started) / 60
                print(f"phase {self.run.phase} step {self.run.step} {losses} {report()} {minutes:.1f} min", flush=True)
                self._save_state()

    def _optimise(self, weights: Weights, rate: float) -> None:
        """Give matrices to Muon and embeddings, norms and biases to AdamW."""
        matrices, others = [], []
        for name, tensor in weights.items():
            if self.pause and name in FROZEN_BY_PAUSE:
                continue
            tensor.requires_grad_(True)
            is_matrix = name.split(".")[0] in self.shape.matrices() and not name.endswith("bias")
            is_matrix |= name in ("prj.1.weight", "prj.3.weight")
            (matrices if is_matrix else others).append(tensor)
        self.optimizers = [Muon(matrices, rate), torch.optim.AdamW(others, rate, betas=(0.9, 0.99), weight_decay=0.01)]

    def _rng(self) -> random.Random:
        return random.Random(f"seed {self.seed}, phase {self.run.phase}, step {self.run.step}")

    def _draw(self, size: int, lengths: range, share: float, emphasis: Emphasis = NO_EMPHASIS) -> list[list[Problem]]:
        """Draw ``size`` problems, ``share`` of them of the longest length on top, cut into parts of similar length."""
        rng = self._rng()
        problems = []
        for index in range(size):
            count = lengths[-1] if rng.random() < share else rng.choice(lengths)
            problems.append(self.problems.draw(rng, count, emphasis if index % 2 else NO_EMPHASIS))
        problems.sort(key=lambda problem: len(problem.question.split()))
        part = -(-size // self.recipe.parts)
        return [problems[start : start + part] for start in range(0, size, part)]

    def _teacher_step(self) -> str:
        network, total = Network(self.shape, self.run.base), 0.0
        rng = self._rng()
        shifted = rng.random() < self.recipe.shifted
        for part in self._draw(self.recipe.teacher_batch, range(min(STEP_COUNTS), max(STEP_COUNTS) + 1), 0.0):
            batch = make_batch(self.vocabulary, part)
            room = self.shape.positions - batch.prompt.shape[1] - batch.reasoning.shape[1]
            offsets: Tensor | int = torch.tensor([rng.randrange(room) for _ in part]) if shifted else 0
            loss = teach(network, batch, offsets, tokens=self.vocabulary.size).loss
            weight = len(part) / self.recipe.teacher_batch
            (loss * weight).backward(retain_graph=True)
            total += weight * loss.item()
        return f"teacher {total:.4f}"

    def _student_step(self) -> str:
        run, shape = self.run, self.shape
        with torch.no_grad():
            merged = merge_lora(shape, run.base, run.lora)
        for name in shape.matrices():
            merged[name].requires_grad_(True)
        network, sums, right, seen = Network(shape, merged), torch.zeros(3), 0, 0
        for part in self._draw(self.recipe.student_batch, range(1, run.longest + 1), 0.35, self._round.emphasis):
            losses = codi_losses(
                network,
                run.prj,
                self.vocabulary,
                make_batch(self.vocabulary, part),
                LATENTS,
                self.recipe.answer_weight,
                self._round.mislead,
            )
            parts = torch.stack([losses.teacher, losses.student, losses.distillation])
            weight = len(part) / self.recipe.student_batch
            loss = parts @ torch.tensor([1.0, 1.0, self.recipe.distillation]) * weight
            loss.backward(retain_graph=True)
            sums += weight * parts.detach()
            longest = torch.tensor([len(problem.steps) == run.longest for problem in part])
            right, seen = right + int(losses.correct[longest].sum()), seen + int(longest.sum())
        self._unmerge_gradients(merged)
        if seen:
            run.running += 0.05 * (right / seen - run.running)
        if run.longest < max(STEP_COUNTS) and run.running > self.recipe.advance[run.longest - 1]:
            run.longest, run.running = run.longest + 1, 0.0
        teacher, student, distance = sums.tolist()
        return f"teacher {teacher:.4f} student {student:.4f} distil {distance:.4f} longest {run.longest}"

    def _unmerge_gradients(self, merged: Weights) -> None:
        """Carry the gradients of the merged matrices over to the adapters by the product rule."""
        for name in self.shape.matrices():
            gradient = merged[name].grad
            assert gradient is not None
            a, b = self.run.lora[f"{name}.lora_A"], self.run.lora[f"{name}.lora_B"]
            with torch.no_grad():
                a.grad, b.grad = LORA_SCALE * b.mT @ gradient, LORA_SCALE * gradient @ a.mT

    def _begin_student(self) -> None:
        """Freeze the teacher's weights, set the added embedding rows and make adapters and projection."""
        run, size = self.run, self.vocabulary.size
        run.base = {name: tensor.detach() for name, tensor in run.base.items()}
        generator = torch.Generator().manual_seed(self.seed + 1)
        known = run.base["embedding"][:size]
        noise = torch.randn(ADDED_TOKENS, self.shape.width, generator=generator)
        run.base["embedding"][size:] = known.mean(0) + known.std(0) * noise
        run.lora, run.prj = {}, {}
        for name, (rows, columns) in self.shape.matrices().items():
            uniform = torch.rand(self.shape.layers, LORA_RANK, columns, generator=generator)
            run.lora[f"{name}.lora_A"] = (2 * uniform - 1) / columns**0.5
            run.lora[f"{name}.lora_B"] = torch.zeros(self.shape.layers, rows, LORA_RANK)
        width = self.shape.width
        for index, (rows, columns) in ((1, (PROJECTION_WIDTH, width)), (3, (width, PROJECTION_WIDTH))):
            uniform = torch.rand(rows, columns, generator=generator)
            run.prj[f"prj.{index}.weight"] = (2 * uniform - 1) / columns**0.5
            run.prj[f"prj.{index}.bias"] = torch.zeros(rows)
        run.prj["prj.ln.weight"], run.prj["prj.ln.bias"] = (
            torch.full((width,), self.recipe.latent_scale),
            torch.zeros(width),
        )
        if self.pause:
            for name in FROZEN_BY_PAUSE:
                run.prj[name].zero_()
        run.phase, run.step = 2, 0
        self._optimise({**run.lora, **run.prj}, self._round.rate)

    def _report_teacher(self) -> str:
        """Return the share of problems of five steps whose whole reasoning the teacher writes without a mistake."""
        rng = random.Random(f"seed {self.seed}, validation of the teacher")
        problems = [self.problems.draw(rng, max(STEP_COUNTS)) for _ in range(200)]
        with torch.no_grad():
            correct = teach(Network(self.shape, self.run.base), make_batch(self.vocabulary, problems)).correct
        return f"five steps right {correct.float().mean():.3f}"

    def _report_student(self) -> str:
        run = self.run
        with torch.no_grad():
            merged = merge_lora(self.shape, run.base, run.lora)
        tally = evaluate(self.shape, merged, run.prj, self.vocabulary, self.validation)
        accuracy = overall(tally)
        if accuracy >= run.best:
            run.best = accuracy
            save_model(self.out, self.name, self.shape, self.vocabulary, base=run.base, lora=run.lora, prj=run.prj)
        shares = " ".join(f"{right / max(seen, 1):.2f}" for right, seen in tally.values())
        return f"running {run.running:.2f} validation {accuracy:.3f} ({shares})"

    def _save_state(self) -> None:
        state = {"run": vars(self.run), "optimizers": [o.state_dict() for o in self.optimizers]}
        partial = self._state_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._state_path)

    def _resume(self) -> None:
        state = torch.load(self._state_path, weights_only=True)
        self.run = Run(**state["run"])
        trained = self.run.base if self.run.phase == 1 else {**self.run.lora, **self.run.prj}
        self._optimise(trained, 0.0)
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def main(arguments: Sequence[str] | None = None, recipe: Recipe | None = None) -> None:
    """Run the command line; ``recipe`` replaces the model's own."""
    parser = argparse.ArgumentParser(description="Train one embedded CODI model.")
    parser.add_argument("name", choices=sorted(SHAPES))
    parser.add_argument("--out", type=Path, required=True, help="folder the model is written to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", action="store_true", help="train the matched control without recurrence")
    parser.add_argument("--test", type=int, help="test problems in the last report (all)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    trainer = Trainer(options.name, options.out, options.seed, recipe or RECIPES[options.name], pause=options.pause)
    trainer.train()
    problems = generate_split("test", options.seed)[: options.test]
    print(report_accuracy(options.out, trainer.shape, trainer.vocabulary, problems))


if __name__ == "__main__":
    main()
