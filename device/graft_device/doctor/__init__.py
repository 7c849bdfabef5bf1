"""``graft-device doctor``: whether models run on this board, and what to do if not."""
