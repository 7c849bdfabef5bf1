"""Onto a board over ssh: look at it, put the kit and a model there, and see that its service is well."""
