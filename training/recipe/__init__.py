"""Recipes: every knob of a training run, read from TOML."""
