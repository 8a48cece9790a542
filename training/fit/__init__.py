"""Training: stages, batches, the loop, checkpoints and the cache of pre-trained bodies."""
