"""Measurements whose figures stand in the README."""
