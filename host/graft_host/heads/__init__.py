"""Trains the classification head on bottlenecks, makes its scores honest and sets the threshold for unknown photos."""
