"""``graft-device doctor``: checks whether models run on this board, and suggests fixes."""
