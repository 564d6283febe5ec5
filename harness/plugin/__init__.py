"""The pytest side: options, items, gate, terminal and report."""
