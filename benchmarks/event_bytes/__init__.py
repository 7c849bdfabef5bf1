"""What the history of events writes to a disk, and how fast it is asked; run ``python -m benchmarks.event_bytes``."""
