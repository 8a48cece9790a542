"""A trained network becomes a bundle on disk."""
