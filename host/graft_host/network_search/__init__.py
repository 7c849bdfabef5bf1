"""``graft search``: the fastest network that is accurate enough."""
