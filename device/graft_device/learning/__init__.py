"""Learns a new class, or the right class of some photos, on the board: a new head for a model file."""
