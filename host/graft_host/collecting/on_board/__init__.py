"""The program that ``graft collect`` runs on the board with its Python and the standard library."""
