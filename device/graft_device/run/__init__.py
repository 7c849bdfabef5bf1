"""The loop of ``graft-device run``: takes a frame, classifies it, makes an event."""
