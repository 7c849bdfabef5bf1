"""``graft report``: writes an evaluation as a single HTML file that loads nothing."""
