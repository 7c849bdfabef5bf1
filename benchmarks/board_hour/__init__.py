"""The memory of ``graft-device run`` over time."""
