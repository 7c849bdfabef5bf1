"""Measures the finished file on photos, through the code that the board runs."""
