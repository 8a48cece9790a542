"""Corrections: what users say is wrong, kept in a database and exported for training. Off unless FEEDBACK is true."""
