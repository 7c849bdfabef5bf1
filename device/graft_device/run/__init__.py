"""The loop of ``graft-device run``: picture, answer, event."""
