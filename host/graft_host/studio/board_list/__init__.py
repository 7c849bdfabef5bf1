"""The boards of a project: which they are, what runs there, and what can be done to them."""
