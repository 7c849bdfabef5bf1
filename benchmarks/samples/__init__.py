"""Compares ways to learn from many source photos and a few photos of the target camera."""
