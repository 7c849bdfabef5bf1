"""Inception-v3 as data, and its weights files."""
