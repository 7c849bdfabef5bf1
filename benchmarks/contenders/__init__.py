"""The sides of the comparisons; each function creates a ``worker.Job`` from a request."""
