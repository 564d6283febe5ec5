"""Results on disk: arrays that survive being killed, locks, checkpoints, and what a long run costs."""
