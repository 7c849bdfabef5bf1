"""Tries models in child processes with limits, so that a damaged or hostile file does no harm."""
