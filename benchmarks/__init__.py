"""Measurements. Each file runs by itself and prints the Markdown table that README.md or docs/figures.md quotes."""
