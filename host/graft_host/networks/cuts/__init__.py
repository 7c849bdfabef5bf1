"""Cuts networks in two, and writes a tail behind a front."""
