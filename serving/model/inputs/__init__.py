"""Kinds of input that a bundle may have, behind one protocol: a text, or the fields of a form."""
