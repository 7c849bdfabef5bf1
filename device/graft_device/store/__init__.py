"""Installs, tests, verifies, switches and rolls back the models on a board."""
