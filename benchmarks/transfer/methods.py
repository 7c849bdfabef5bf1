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
    """

    name: str
    title: str
    options: dict[str, Any]

    @property
    def augmented(self) -> Method:
        """The same with variants of the training photos."""
        return Method(f"{self.name}+augment", f"{self.title}, augmented", {**self.options, "augment": VARIANTS})


REFERENCE = Method("mixed7", "`mixed7`", {"tap": "mixed7"})
"""What the others are compared with."""

_PLAIN = (REFERENCE,)

METHODS = {method.name: method for plain in _PLAIN for method in (plain, plain.augmented)}
"""All methods by name."""
