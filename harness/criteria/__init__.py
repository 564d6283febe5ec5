"""The study's criteria: declarations, the evidence they look at, and how hypotheses are evaluated."""
