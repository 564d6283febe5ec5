"""What each thought reads in the question and is made of: result files and figures, each written once."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.criteria.drawings import drawn_once
from harness.criteria.importance import PROBES, probe_layers
from harness.extraction.parts import part_names
from harness.files import digest, write_json
from harness.problems.words import TOKEN_CLASSES, one_per_difficulty
from harness.statistics.parts import PartsSummary, parts_summary
from harness.statistics.words import QuestionSummary, question_summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from harness.criteria.evidence import ModelStudy
    from harness.extraction.cached import CachedExtraction

SHOWN = 3
"""Questions that are shown word by word."""


class ThoughtFiles:
    """Writes files and figures on the sample of the importance study; paths are relative to the output folder."""

    def __init__(self, study: "ModelStudy"):
        self._study = study

    @property
    def _extraction(self) -> "CachedExtraction":
        return self._study.intervened.about("importance").extraction

    @cached_property
    def question_summary(self) -> QuestionSummary:
        """Attention on the question's tokens by class."""
        question = self._extraction.question()
        return question_summary(question.by_class, question.tokens, seed=self._study.options.seed)

    @cached_property
    def parts_summary(self) -> PartsSummary:
        """Parts of the residual stream."""
        parts = self._extraction.parts()
        return parts_summary(parts.shares, parts.norms, seed=self._study.options.seed)

    @cached_property
    def words(self) -> str:
        """question_attention_{n}.json: mass and enrichment by layer, thought and class of token, some questions in full."""
        found, layers = self.question_summary, self._probes
        return self._json(
            f"question_attention_{len(self._extraction.problems)}.json",
            {
                "token_classes": list(TOKEN_CLASSES),
                "mean_tokens": found.tokens,
                "mass": found.mass,
                "mass_ci_low": found.mass_interval[0],
                "mass_ci_high": found.mass_interval[1],
                "enrichment": found.enrichment,
                "enrichment_ci_low": found.enrichment_interval[0],
                "enrichment_ci_high": found.enrichment_interval[1],
                "axes": ["layer", "thought", "token class"],
                "questions": [
                    {
                        "problem_id": self._extraction.problems[one.row].id,
                        "tokens": list(one.tokens),
                        "token_classes": [TOKEN_CLASSES[place] for place in one.classes],
                        "weights": {name: one.weights[layer] for name, layer in zip(PROBES, layers, strict=True)},
                    }
                    for one in self._shown
                ],
            },
        )

    @property
    def in_words(self) -> str:
        """The class of token that the thoughts read most, for its number, at the middle layer."""
        found, layer = self.question_summary, self._probes[1]
        ratios = found.enrichment[layer].mean(axis=0)
        best = int(np.nanargmax(ratios))
        share = found.mass[layer, :, best].mean()
        return (
            f"At the middle layer thoughts read tokens of the class {TOKEN_CLASSES[best]!r} {ratios[best]:.2g} times as much as "
            f"an equal spread over the question ({100 * share:.0f} % of their attention)"
        )

    @cached_property
    def words_figure(self) -> tuple[str, str]:
        """5_question_words."""
        return self._drawn("5_question_words", self._draw_words)

    def _draw_words(self) -> "Figure":
        from harness.figures.question import Words, question_figure

        found, layers, problems = self.question_summary, self._probes, self._extraction.problems
        middle = layers[1]
        return question_figure(
            classes=TOKEN_CLASSES,
            layers=[f"Layer {layer} ({name})" for name, layer in zip(PROBES, layers, strict=True)],
            mass=found.mass[list(layers)],
            enrichment=found.enrichment[list(layers)],
            enrichment_interval=found.enrichment_interval[:, list(layers)],
            words=[
                Words(
                    f"Problem {problems[one.row].id}, {problems[one.row].difficulty} steps",
                    one.tokens,
                    [TOKEN_CLASSES[place] for place in one.classes],
                    one.weights[middle],
                )
                for one in self._shown
            ],
            words_of=f"layer {middle}, mean over heads",
            title=self._title("which words each thought reads"),
        )

    @cached_property
    def parts(self) -> str:
        """residual_decomposition_{n}.json: share and length of every part at each thought, and the error of their sum."""
        parts, found = self._extraction.parts(), self.parts_summary
        n, latents, count = parts.norms.shape
        return self._json(
            f"residual_decomposition_{n}.json",
            {
                "parts": list(part_names(count // 2)),
                "axes": ["thought", "part"],
                "share": found.share,
                "share_ci_low": found.share_interval[0],
                "share_ci_high": found.share_interval[1],
                "norm": found.norm,
                "norm_ci_low": found.norm_interval[0],
                "norm_ci_high": found.norm_interval[1],
                "largest_error": parts.error.max(),
                "largest_error_by_layer": parts.layer_error.max(axis=(0, 1)),
                "n_latents": latents,
            },
        )

    @cached_property
    def parts_figure(self) -> tuple[str, str]:
        """6_residual_decomposition."""
        return self._drawn("6_residual_decomposition", self._draw_parts)

    def _draw_parts(self) -> "Figure":
        from harness.figures.decomposition import decomposition_figure

        found = self.parts_summary
        return decomposition_figure(
            share=found.share,
            share_interval=found.share_interval,
            norm=found.norm,
            norm_interval=found.norm_interval,
            error=float(self._extraction.parts().error.max()),
            title=self._title("what each thought's residual stream is made of"),
        )

    @property
    def _probes(self) -> tuple[int, int, int]:
        return probe_layers(self._study.n_layers)

    @property
    def _shown(self) -> Any:
        return self._extraction.words(one_per_difficulty(self._extraction.problems, SHOWN))

    def _title(self, what: str) -> str:
        study = self._study
        return f"{study.name}, {study.problems.name}, N={len(self._extraction.problems)}: {what}"

    def _drawn(self, name: str, draw: "Callable[[], Figure]") -> tuple[str, str]:
        study = self._study
        content = digest(self._extraction.key("trained"), study.problems.name, str(study.options.seed))
        return drawn_once(study.options.output, f"figures/{study.name}/importance/{name}", draw, content)

    def _json(self, name: str, content: dict[str, Any]) -> str:
        study = self._study
        relative = f"results/{study.name}/{name}"
        about = {**study.provenance, "dataset_fingerprint": self._extraction.problems.fingerprint}
        write_json(study.absolute(relative), {"model": study.name, **content, "provenance": about})
        return relative
