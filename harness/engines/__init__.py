"""Who does the work on batches of problems: this process, or workers with a copy of the model each."""
