"""The sides of the comparisons; each function makes a ``worker.Job`` of a request."""
