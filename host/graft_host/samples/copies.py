"""Which copies of photos are trained on beside the photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Copies:
    """The copies of each photo.

    Attributes:
        camera: the number of camera copies.
        matched: whether there is a copy that looks like given photos.
    """

    camera: int = 0
    matched: bool = False

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.camera > 0 or self.matched

    def to_json(self) -> dict[str, Any]:
        """The number of camera copies, and whether there is a matched copy."""
        return {"camera_copies": self.camera, "matched": self.matched}

    def texts(self) -> list[str]:
        """Each kind of copies in words, such as "2 camera copies"."""
        camera = [f"{self.camera} camera {'copy' if self.camera == 1 else 'copies'}"] if self.camera else []
        return [*camera, *(["a matched copy"] if self.matched else [])]
