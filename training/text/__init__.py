"""Preprocessing as data: rules and vocabulary of a tokenizer file."""
