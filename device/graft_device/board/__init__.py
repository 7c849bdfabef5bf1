"""Puts a run together from its settings: sources, models, regions, sinks and the page."""
