"""Predictions off the event loop, in batches that form by themselves."""
