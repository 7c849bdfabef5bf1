"""How the photos of a new model differ from those of an old one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Kind:
    """How a new model is trained, beside the old one of the same draw.

    Attributes:
        name: of the kind.
        share: of the old model's photos that it is trained on.
        replaced: share of these that are replaced by other photos.
        confused: share of the photos of the first class that are labelled as the second.
    """

    name: str
    share: float = 1.0
    replaced: float = 0.0
    confused: float = 0.0

    def drawn(self, members: NDArray[np.intp], most: float) -> NDArray[np.intp]:
        """The photos of one class, the first of a drawn order ``[N]``, or those that replace them.

        Args:
            members: the photos of the class in that order.
            most: the number of photos of a class that the old model is trained on, before rounding.
        """
        count = round(self.share * most)
        others = round(self.replaced * count)
        return np.concatenate([members[: count - others], members[count : count + others]])
