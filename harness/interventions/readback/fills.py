"""Was the activation replaced as asked, and only from there on? Read back where the next layer takes it up."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.interventions.engine import Setting, run_batch
from harness.interventions.plan import Rows
from harness.interventions.reference import Reference, Site
from harness.interventions.values import AblateThought, Condition, Mean, Zero
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet

MOST_PROBLEMS = 16


@dataclass(frozen=True)
class ReadBack:
    """Largest absolute differences over conditions and problems.

    ``fill``: of the replaced activations from what they were to be; ``earlier``: of everything computed before them from the
    baseline's. ``places`` says how many replaced activations were looked at.
    """

    fill: float
    earlier: float
    places: int


def read_back(
    model: ThoughtModel, problems: ProblemSet, conditions: Sequence[Condition], reference: Reference | None, seed: int
) -> ReadBack:
    """Look at the activations of the first problems under conditions that zero thoughts or put their mean there.

    What leaves the last layer is taken up by no other and not looked at.
    """
    some = list(problems)[:MOST_PROBLEMS]
    prompts = [model.prompt_ids(problem.question) for problem in some]
    model.require_fit([len(prompt) for prompt in prompts])
    wanted = [_asked(condition) for condition in conditions]
    found = _Comparison(wanted, reference)
    setting = Setting([str(one) for one in problems.ids], reference, seed, max_tokens=1, observer=found.observe)
    with ExitStack() as hooks:
        for layer, module in enumerate(model.decoder_layers[1:]):
            hooks.enter_context(module.register_forward_pre_hook(found.arrives(layer), with_kwargs=True))
        for place, condition in enumerate(conditions):
            found.condition = place
            run_batch(model, prompts, lambda answers: [[0]] * len(answers), range(len(some)), [condition], setting)
    return ReadBack(found.fill, found.earlier, found.places)


def _asked(condition: Condition) -> dict[Site, Zero | Mean]:
    return {
        Site("thought", position, layer): one.fill
        for one in condition
        if isinstance(one, AblateThought) and isinstance(one.fill, Zero | Mean)
        for layer in one.layers or ()
        for position in one.positions
    }


class _Comparison:
    def __init__(self, wanted: Sequence[dict[Site, Zero | Mean]], reference: Reference | None):
        self._wanted, self._reference = wanted, reference
        self.condition = 0
        self.fill = self.earlier = 0.0
        self.places = 0
        self._announced: tuple[Site, Rows] | None = None

    def observe(self, site: Site, activations: Tensor, rows: Rows) -> None:
        """What leaves a layer is looked at where it arrives; all else here."""
        if site.kind == "thought":
            self._announced = site, rows
        else:
            self._look(site, activations, rows)

    def arrives(self, layer: int) -> Callable[[torch.nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        """A hook before the layer after ``layer``."""

        def look(module: torch.nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            if self._announced is not None and self._announced[0].layer == layer:
                site, rows = self._announced
                self._announced = None
                taken = arguments[0] if arguments else named["hidden_states"]
                self._look(site, taken[:, 0], rows)

        return look

    def _look(self, site: Site, activations: Tensor, rows: Rows) -> None:
        ablated = (rows.conditions == 1).nonzero().flatten()
        wanted = self._wanted[self.condition]
        if not len(ablated):
            return
        if site in wanted:
            expected = torch.zeros_like(activations[0])
            if isinstance(wanted[site], Mean) and self._reference is not None:
                expected = self._reference.mean(site).to(activations)
            self.fill = max(self.fill, float((activations[ablated] - expected).abs().max()))
            self.places += len(ablated)
        elif all(_before(site, other) for other in wanted):
            change = activations[ablated] - activations[rows.baselines[ablated]]
            self.earlier = max(self.earlier, float(change.abs().max()))


def _before(site: Site, other: Site) -> bool:
    """Whether ``site`` is computed before ``other``, the residual stream that leaves a layer."""
    return (site.position, site.layer) <= (other.position, other.layer) and site != other
