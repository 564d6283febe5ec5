"""Story I.5: what embedding, attention and MLP of each layer add to the residual stream at each thought."""

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy


def decomposition(study: ModelStudy) -> Measurement:
    """Largest relative error of the parts' sum, over problems, thoughts and layers."""
    files = study.thought_files
    parts = study.intervened.about("importance").extraction.parts()
    return Measurement(
        float(max(parts.error.max(), parts.layer_error.max())),
        n_problems=len(parts.error),
        artifacts=(*files.parts_figure, files.parts),
    )


CRITERIA = (
    Criterion(
        "I.5-decomposition",
        "validity",
        "Residual-stream decomposition is exact",
        "Embedding plus what attention and MLP of each layer add at every thought, against the residual stream that leaves each "
        "layer: largest length of the difference over the length of the stream.",
        Rule("<=", 1e-4),
        decomposition,
    ),
)
