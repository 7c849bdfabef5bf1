"""Serves the studio, and decides who may use it."""
