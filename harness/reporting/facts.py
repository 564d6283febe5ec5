"""The run in a few words: models, problems, options, and its whole provenance as names and values."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.documents import phrases
from harness.results import RunResult


def facts(result: RunResult) -> list[tuple[str, str]]:
    """What was run, on what, in pairs of words; what is not known is left out."""
    run = result.run
    seed, declared = run.get("seed"), str(run.get("declarations_sha256") or "")[:12]
    pairs = [
        ("problems", _problems(run.get("dataset"), run.get("samples") or ())),
        ("seed", None if seed is None else str(seed)),
        ("controls", ", ".join(str(name) for name in (run.get("controls"), run.get("control_model")) if name)),
        ("declarations", declared and f"{declared}…"),
        ("harness", run.get("harness")),
        ("time", run.get("time")),
    ]
    return [(label, str(value)) for label, value in pairs if value]


def in_short(result: RunResult) -> str:
    """The run in one line; what is not known is left out."""
    run = result.run
    data = run.get("dataset") or {}
    words = [
        f"{data['name']}, {_sample(data)}" if data.get("n") is not None and data.get("name") else "",
        f"seed {run['seed']}" if run.get("seed") is not None else "",
        f"controls: {run['controls']}" if run.get("controls") else "",
        str(run.get("time") or "")[:16].replace("T", " "),
    ]
    return " · ".join(word for word in words if word) or "What was run"


def described(run: Mapping[str, Any], model: str) -> str:
    """``4 layers × 8 heads, 6 thoughts, 793 k parameters, cpu float32``; what is not known is left out."""
    known: Mapping[str, Any] = next((one for one in run.get("models") or () if one.get("name") == model), {})
    words = []
    if known.get("n_layers") and known.get("n_heads"):
        words.append(f"{known['n_layers']} layers × {known['n_heads']} heads")
    if thoughts := known.get("n_latents"):
        words.append(f"{thoughts} thoughts (CT0 to CT{thoughts - 1})")
    if parameters := known.get("n_parameters"):
        words.append(f"{_magnitude(parameters)} parameters")
    if device := known.get("device"):
        words.append(" ".join(str(word) for word in (device, known.get("dtype")) if word))
    return ", ".join(words)


def provenance(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested provenance as dotted names, in order."""
    pairs: list[tuple[str, str]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            pairs += provenance(value, f"{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            pairs.append((name, text))
    return pairs


def _magnitude(count: float) -> str:
    for size, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:,}"


def _problems(data: Mapping[str, Any] | None, samples: Sequence[Mapping[str, Any]]) -> str:
    """What was looked at: ``gsm8k: train, 100 of 7,473 problems (Phase 1); test, all 1,319 problems (Behaviour ...)``."""
    data = data or {}
    if not samples:
        words = [_sample(data)] if data.get("n") is not None else []
    else:
        words = [f"{_sample(one)} ({phrases.joined([_short(study) for study in one['studies']])})" for one in samples]
    return ": ".join(word for word in (str(data.get("name") or ""), "; ".join(words)) if word)


def _short(study: str) -> str:
    return phrases.study_name(study).partition(" · ")[0]


def _sample(sample: Mapping[str, Any]) -> str:
    n, size = sample["n"], sample.get("split_size")
    if sample.get("complete"):
        left_out = f", {size - n:,} left out" if size is not None and size > n else ""
        return f"{sample.get('split')}, complete set, {n:,} problems{left_out}"
    another = "another " if sample.get("another") else ""
    count = f"all {n:,}" if n == size else f"{n:,}" + (f" of {size:,}" if size else "")
    alike = ", as many of each difficulty" if sample.get("as_many_of_each_difficulty") else ""
    return f"{sample.get('split') or 'sample'}, {another}{count} problems{alike}"
