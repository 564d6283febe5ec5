"""Was the activation replaced as asked, and only from there on? Read back while the model runs."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """Look at the activations of the first problems under conditions that zero thoughts or put their mean there."""
    some = list(problems)[:MOST_PROBLEMS]
    prompts = [model.prompt_ids(problem.question) for problem in some]
    model.require_fit(prompts)
    wanted = [_asked(condition) for condition in conditions]
    found = _Comparison(wanted, reference)
    setting = Setting([str(one) for one in problems.ids], reference, seed, max_tokens=1, observer=found.observe)
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

    def observe(self, site: Site, activations: Tensor, rows: Rows) -> None:
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
