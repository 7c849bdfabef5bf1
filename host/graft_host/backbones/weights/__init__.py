"""Finds the weights that ``--weights`` or a model card names, and keeps what their file contains."""
