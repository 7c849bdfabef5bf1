"""The map of the photos: their bottlenecks in two dimensions."""
