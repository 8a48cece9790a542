"""Kinds of input as tables have them: a column of texts, or a column for each field."""
