"""Benchmarks: graftkit compared with the alternatives."""
