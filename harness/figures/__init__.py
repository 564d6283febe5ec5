"""Figures of the report, each a function from arrays to a ``matplotlib.figure.Figure``.

Callers import the submodule they need, so that importing ``harness`` never imports matplotlib. Nothing
here goes through ``pyplot``: figures hold no global state and are freed like any other object.
"""
