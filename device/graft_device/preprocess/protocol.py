"""The messages between ``DecodingProcess`` and its child process."""

from __future__ import annotations

import struct

REQUEST = struct.Struct(">IBQQQ")
"""Size, number of the rule, limit of pixels, limit of memory (0 for none), and the length of the file that follows."""

REPLY = struct.Struct(">BQ")
"""Kind of reply, and the length of what follows."""

PIXELS, REFUSED, NO_MEMORY = range(3)
"""The kinds of reply: RGB pixels ``[S,S,3]``; the fields of a PhotoError as JSON; nothing."""
