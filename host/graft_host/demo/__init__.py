"""``graft demo``: a complete run on photos that graftkit renders."""
