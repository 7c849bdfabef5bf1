"""What the studio says, in each of its languages."""
