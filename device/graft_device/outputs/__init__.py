"""The sinks of ``graft-device run``: what receives its events."""
