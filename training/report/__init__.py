"""A bundle's `report/`: a page with plots, a model card, figures and the training's record as JSON."""
