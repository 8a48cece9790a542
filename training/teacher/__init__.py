"""Teacher: a pre-trained transformer, tuned on labelled rows, whose answers are kept as a file."""
