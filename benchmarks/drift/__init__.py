"""What the drift index is for photos like those of the training, and for others."""
