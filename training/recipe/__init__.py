"""Recipes: every setting of a training run, read from TOML."""
