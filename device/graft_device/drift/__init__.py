"""How far the scores of a board's days are from those of the test photos."""
