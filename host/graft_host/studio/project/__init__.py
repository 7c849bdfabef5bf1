"""The folder of a studio, and what is kept for it."""
