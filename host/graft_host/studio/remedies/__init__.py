"""What can be done with one click about what a check found."""
