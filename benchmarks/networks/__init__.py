"""Compares networks: the time of one inference, the size of the file, and accuracy with few and with all photos.

Run ``python -m benchmarks.networks``. It prints the table of ``docs/how-to/choosing-a-network.md``.
"""
