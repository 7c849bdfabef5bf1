"""How a run speaks to its user; only the command line prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft_device.outputs.sink import Sink
    from graft_device.sources.base import Frame, Note


@dataclass(frozen=True)
class Voice:
    """How a run speaks to its user.

    Attributes:
        note: prints a line for the user, as a note.
        say: prints a line for the user as it is.
        printed: makes the sink of standard output, from whether all that there is is one camera, and from where events
            go besides.
        failure: reports a photo that cannot be read, and the reason.
        counting: makes what counts photos for a person, from whether there is a camera; ``one`` counts, ``end`` ends.
    """

    note: Note
    say: Note
    printed: Callable[[bool, str], Sink]
    failure: Callable[[Frame, str], None]
    counting: Callable[[bool], Any]
