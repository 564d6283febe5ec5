"""The recorded models."""

from tests.models.conftest import golden, golden_model

__all__ = ["golden", "golden_model"]
