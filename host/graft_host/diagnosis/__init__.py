"""``graft diagnose``: compares each layer of the int8 network with its float32 counterpart."""
