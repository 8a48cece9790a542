"""Kinds of input as tables have them, behind one protocol: a column of texts, or a column for each field."""
