"""The figures of one model, each drawn and saved once, with what a check needs to know about them."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.criteria.critical import SCORES
from harness.extraction.cached import sources_digest
from harness.files import digest
from harness.measures import (
    enrichment,
    head_max,
    hub_adjusted,
    hub_enrichment,
    hub_position,
    incoming,
    latent_mass,
    three_scores,
    top_k,
)
from harness.statistics import percentile_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from harness.criteria.evidence import ModelStudy
    from harness.figures.inspect import FigureFacts, PngFacts

TOP = 20
CRITICAL = 12
DETAILED = 3
"""Heads on figures 1, 4 and 5."""
_DETAIL = re.compile(r"5_critical_head_detail_L\d+H\d+\.(png|pdf)")
_CODE = (
    "figures/*.py",
    "measures/*.py",
    "statistics/*.py",
    "criteria/*drawings.py",
    "criteria/compared.py",
    "criteria/critical.py",
    "criteria/rankings.py",
)
_INTERVENED_CODE = (
    "behaviour/*.py",
    "criteria/*files.py",
    "criteria/behaviour.py",
    "criteria/blocks.py",
    "criteria/cases.py",
    "criteria/causal.py",
    "criteria/errors.py",
    "criteria/importance.py",
    "criteria/inside.py",
    "criteria/intervened.py",
    "criteria/sample.py",
    "criteria/sensitivity*.py",
    "criteria/sorted_answers.py",
    "criteria/steps.py",
    "criteria/taxonomy.py",
    "criteria/trials.py",
)


@dataclass(frozen=True)
class Drawing:
    """A saved figure: what was drawn, what the png holds, both paths relative to the output folder."""

    facts: "FigureFacts"
    png: "PngFacts"
    paths: tuple[str, str]


def saved(output: Path, stem: str, figure: "Figure", source: str) -> Drawing:
    """Save ``figure`` as png and pdf at ``stem`` inside ``output``, unless the files there come from ``source``."""
    from harness.figures.inspect import facts, png_facts
    from harness.figures.save import is_current, save_figure

    path = output / stem
    if not is_current(path, source):
        save_figure(figure, path, source)
    return Drawing(facts(figure), png_facts(path.with_name(f"{path.name}.png")), (f"{stem}.png", f"{stem}.pdf"))


def drawn_once(output: Path, stem: str, make: "Callable[[], Figure]", content: str) -> tuple[str, str]:
    """Paths of the png and pdf at ``stem`` inside ``output``; drawn unless the files there show the same content already.

    ``content`` names the answers, and whatever else apart from code, that the figure shows.
    """
    from harness.figures.save import is_current, save_figure

    code = sources_digest((*_CODE, *_INTERVENED_CODE), ("matplotlib", "numpy"))
    source = f"codi-harness: content {digest(content, code)[:32]}"
    if not is_current(output / stem, source):
        save_figure(make(), output / stem, source)
    return f"{stem}.png", f"{stem}.pdf"


def drawing_code() -> str:
    """Digest of the code and packages that decide what a figure shows."""
    return sources_digest(_CODE, ("matplotlib", "numpy"))


class Drawings:
    """Draws the figures of ``figures/<model>/``."""

    def __init__(self, study: "ModelStudy"):
        self._study = study

    def top_heads(self) -> Drawing:
        """1_top_heads_attention."""
        return self._top_heads

    def layers(self) -> Drawing:
        """2_attention_by_layer."""
        return self._layers

    def hubs(self) -> Drawing:
        """3_hub_analysis."""
        return self._hubs

    def critical_heads(self) -> Drawing:
        """4_top_heads_visualization."""
        return self._critical_heads

    def details(self) -> list[Drawing]:
        """5_critical_head_detail_L{l}H{h} of the most critical heads; those of other heads are removed."""
        return self._details

    @cached_property
    def _top_heads(self) -> Drawing:
        from harness.figures.top_heads import top_heads_grid

        mean = self._study.sample.mean
        heads = [divmod(int(head), mean.shape[1]) for head in top_k(head_max(mean), TOP)]
        return self._save("1_top_heads_attention", top_heads_grid(mean, heads, self._title("strongest heads")))

    @cached_property
    def _layers(self) -> Drawing:
        from harness.figures.layers import layers_grid

        return self._save("2_attention_by_layer", layers_grid(self._study.sample.mean, self._title("by layer")))

    @cached_property
    def _hubs(self) -> Drawing:
        from harness.figures.hubs import hub_figure

        sample = self._study.sample

        def interval(measure: Any) -> Any:
            return np.stack(percentile_interval(sample.resample(measure)))

        mass = latent_mass(sample.mean).mean(axis=(0, 1))
        latents = len(mass)
        spread = np.tri(latents) / np.arange(1, latents + 1)[:, None]
        figure = hub_figure(
            incoming=incoming(sample.mean),
            incoming_interval=interval(incoming),
            causal_null=mass @ spread / latents,
            enrichment=enrichment(sample.mean),
            hub_enrichment=hub_enrichment(sample.mean),
            adjusted=hub_adjusted(sample.mean),
            adjusted_interval=interval(hub_adjusted),
            rows=sample.mean.mean(axis=(0, 1)),
            title=self._title("which thoughts are read"),
        )
        return self._save("3_hub_analysis", figure)

    @cached_property
    def _critical_heads(self) -> Drawing:
        from harness.figures.critical_heads import critical_heads_grid

        top = self._study.ranking.table.head(CRITICAL)
        figure = critical_heads_grid(
            self._study.sample.mean,
            list(zip(top.layer.tolist(), top["head"].tolist(), strict=True)),
            top.functional_type.tolist(),
            top.composite_score.tolist(),
            self._title("most critical heads"),
        )
        return self._save("4_top_heads_visualization", figure)

    @cached_property
    def _details(self) -> list[Drawing]:
        drawn = [self._detail(rank) for rank in range(min(DETAILED, len(self._study.ranking.table)))]
        current = {Path(path).name for one in drawn for path in one.paths}
        for path in self._study.absolute(f"figures/{self._study.name}").iterdir():
            if _DETAIL.fullmatch(path.name) and path.name not in current:
                path.unlink(missing_ok=True)
        return drawn

    def _detail(self, rank: int) -> Drawing:
        from harness.figures.head_detail import head_detail

        ranking, mean = self._study.ranking, self._study.sample.mean
        layer, head = (int(ranking.table[column][rank]) for column in ("layer", "head"))
        figure = head_detail(
            weights=mean[layer, head],
            place=(layer, head),
            kind=str(ranking.table.functional_type[rank]),
            hub=int(hub_position(mean)[layer, head]),
            scores=dict(zip(SCORES, three_scores(mean), strict=True)),
            largest=ranking.largest_score((layer, head)),
            caption=ranking.why(rank),
            title=self._title(f"critical head L{layer}H{head}"),
        )
        return self._save(f"5_critical_head_detail_L{layer}H{head}", figure)

    def _title(self, what: str) -> str:
        study = self._study
        return f"{study.provenance['model']}, {study.problems.name}, N={len(study.problems)}: {what}"

    def _save(self, name: str, figure: "Figure") -> Drawing:
        return saved(self._study.options.output, f"figures/{self._study.name}/{name}", figure, self._source)

    @cached_property
    def _source(self) -> str:
        """What the figures are drawn from; kept inside the files, which stay as they are while it is the same."""
        study = self._study
        drawn = digest(study.content, drawing_code(), str(study.options.seed), study.problems.name)
        fingerprints = (study.provenance["model_fingerprint"], study.provenance["dataset_fingerprint"], drawn)
        model, problems, content = (fingerprint[:16] for fingerprint in fingerprints)
        return f"codi-harness: model {model}, problems {problems}, content {content}"
