"""Measures what a model refuses that has learned from photos of none of its classes, and one that has not."""
