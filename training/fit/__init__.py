"""Training: stages, batches, the loop, and what a run resumes from."""
