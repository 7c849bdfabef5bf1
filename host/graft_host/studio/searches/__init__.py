"""What a person wants of a search, what a board measured for it, and what it has found so far."""
