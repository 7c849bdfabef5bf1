"""The page with a model for other software."""
