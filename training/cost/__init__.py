"""Quality against cost: models that answer the same rows, each alone in a process of its own on one core."""
