"""The texts of the studio, in each of its languages."""
