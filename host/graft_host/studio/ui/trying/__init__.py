"""The page with a model on the camera or a photo."""
