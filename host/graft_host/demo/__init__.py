"""``graft demo``: a complete run on photos that the kit renders itself."""
