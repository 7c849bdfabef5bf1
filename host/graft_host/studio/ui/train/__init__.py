"""The page with training, and the history of runs."""
