"""What holds for all tests."""

import os

# Threads of tests side by side wait for one another actively, which takes ten times as long; set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
