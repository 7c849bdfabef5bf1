"""Bottlenecks become a classification head that is calibrated and knows when it does not know."""
