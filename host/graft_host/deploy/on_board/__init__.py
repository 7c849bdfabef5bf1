"""Programs that ``graft deploy`` runs on the board with its own Python and the standard library."""
