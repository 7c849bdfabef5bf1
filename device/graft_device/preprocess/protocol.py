"""The messages between ``DecodingProcess`` and its child process."""

from __future__ import annotations

import struct

REQUEST = struct.Struct(">IBQQQ")
"""Size (0 for the whole photo), number of the rule, limit of pixels and of memory (0 for none), length of the file."""

REPLY = struct.Struct(">BQ")
"""Kind of reply, and the length of what follows."""

SIDES = struct.Struct(">II")
"""Height and width, before the pixels of a whole photo."""

PIXELS, REFUSED, NO_MEMORY = range(3)
"""The kinds of reply: RGB pixels ``[S,S,3]``, or ``SIDES`` and ``[H,W,3]``; a PhotoError's fields as JSON; nothing."""
