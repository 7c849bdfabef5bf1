"""``graft collect``: brings the photos that boards kept into an inbox."""
