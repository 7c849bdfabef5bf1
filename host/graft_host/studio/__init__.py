"""``graft studio``: the whole job in the browser."""
