"""Hostile inputs: `make fuzz` runs mutated files and requests through what reads strangers' data, for a time."""
