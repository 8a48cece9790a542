"""Measurements. Each file runs by itself and prints the Markdown table that the README quotes."""
