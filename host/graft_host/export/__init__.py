"""``graft export``: a model for other software, in one of several formats."""
