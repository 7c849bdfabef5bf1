"""``graft train``: the steps from photos to a tested file, in order."""
