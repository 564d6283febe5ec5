"""Running problems through a model and keeping the attention of its thoughts."""
