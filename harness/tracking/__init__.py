"""A run's log for Weights & Biases: what is in it, who writes it, and how it is read again."""
