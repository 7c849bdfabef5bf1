"""The formats of ``graft export``: one module with a ``FORMAT`` for each."""
