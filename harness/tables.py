"""Extractions as tables for a notebook."""

import numpy as np
import pandas as pd

from harness.extraction.patterns import AttentionPatterns
from harness.measures import HEAD_SCORES, LAYER_TYPES, TooFewLatents, layer_type


def head_scores(patterns: AttentionPatterns) -> pd.DataFrame:
    """One row per head of the mean pattern: layer, head, layer_type and every score of single heads.

    Scores that need more latents than the model has are missing.
    """
    mean = patterns.raw.mean(axis=0, dtype=np.float64)
    layers, heads = mean.shape[:2]
    table = pd.DataFrame(
        {
            "layer": np.repeat(np.arange(layers), heads),
            "head": np.tile(np.arange(heads), layers),
            "layer_type": np.repeat(np.array(LAYER_TYPES)[layer_type(layers)], heads),
        }
    )
    for name, score in HEAD_SCORES.items():
        try:
            table[name] = score(mean).ravel()
        except TooFewLatents:
            continue
    return table
