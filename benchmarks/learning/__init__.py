"""Measures what a board learns from a few photos."""
