"""The page with what is wrong with the photos, and the map of them."""
