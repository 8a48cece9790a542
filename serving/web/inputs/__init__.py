"""Web side of the kinds of input: how requests of each are read, answered and described."""
