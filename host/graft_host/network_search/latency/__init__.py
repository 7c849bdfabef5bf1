"""How long one inference of each network takes, here or on a board."""
