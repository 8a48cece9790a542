"""From labelled tweets to a bundle. Imports serving for the bundle and the predictor that it will be served by."""
