"""Attention patterns with planted structure, for figures."""

import numpy as np
import pytest


def planted(layers: int, heads: int, positions: int, seed: int = 0) -> np.ndarray:
    """Mean patterns [L, H, T, T]: Dirichlet rows of which some heads are hubs and some are chains."""
    generator = np.random.default_rng(seed)
    mean = np.zeros((layers, heads, positions, positions))
    for layer in range(layers):
        for head in range(heads):
            kind = generator.integers(3)
            for query in range(positions):
                weights = np.ones(query + 1)
                if kind == 0:
                    weights[min(1, query)] += 6
                elif kind == 1:
                    weights[max(0, query - 1)] += 6
                mean[layer, head, query, : query + 1] = generator.dirichlet(weights) * generator.uniform(0.3, 0.95)
    return mean


@pytest.fixture
def patterns():
    return planted
