"""The page with classes, their photos, and the camera."""
