"""The ways to train that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VARIANTS = 4
"""Variants of each training photo where a method augments."""


@dataclass(frozen=True)
class Method:
    """A way to train.

    Attributes:
        name: on the command line and in the results.
        title: in the tables.
        options: of ``graft_host.train``.
        forced: whether a fine-tuned network is kept whatever held-out photos say.
    """

    name: str
    title: str
    options: dict[str, Any]
    forced: bool = False

    @property
    def augmented(self) -> Method:
        """The same with variants of the training photos."""
        options = {**self.options, "augment": VARIANTS}
        return Method(f"{self.name}+augment", f"{self.title}, augmented", options, self.forced)


REFERENCE = Method("mixed7", "`mixed7`", {"tap": "mixed7"})
"""What the others are compared with."""

_DEEPEST = "mixed8"
"""The deepest tap that is read where the readout is chosen: free copies of the weights of 2015 end there."""

AUTO = Method("auto", "readout chosen", {"tap": _DEEPEST, "readout": "auto"})
TUNED = Method("tuned", "and `--fine-tune auto`", {**AUTO.options, "fine_tune": "auto"})
FORCED = Method("forced", "and fine-tuned in any case", TUNED.options, forced=True)

_PLAIN = (REFERENCE, AUTO, TUNED, FORCED)

METHODS = {method.name: method for plain in _PLAIN for method in (plain, plain.augmented)}
"""All methods by name."""
