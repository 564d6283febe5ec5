"""CODI models: the registry, loading a checkpoint, and the model that thinks."""
