"""``graft-device bench``: how long a photo takes on this board."""
