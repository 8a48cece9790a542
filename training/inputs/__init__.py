"""Kinds of input as a network trains on them: texts as tokens, rows of fields as ids and numbers."""
