"""Renders photo-like pictures of small hardware on a bench."""
