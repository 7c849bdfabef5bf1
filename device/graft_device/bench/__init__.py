"""``graft-device bench``: measures how long a photo takes on this board."""
