"""Puts the kit and a model on a board over ssh, and checks that its service is healthy."""
