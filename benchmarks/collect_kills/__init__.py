"""Kills ``graft collect`` at random moments."""
