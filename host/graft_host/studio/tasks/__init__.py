"""What a job does: one module for each kind."""
