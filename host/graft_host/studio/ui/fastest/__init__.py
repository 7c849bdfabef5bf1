"""The page with the search for the fastest network."""
