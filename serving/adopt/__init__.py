"""Adoption of models that others have made: their files to a bundle."""
