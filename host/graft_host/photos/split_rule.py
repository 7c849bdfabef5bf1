"""The rule that splits photos into training, validation and test photos, from their content and the seed alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from graft_host.support.option import Option


@dataclass(frozen=True)
class SplitRule:
    """The rule that decides which photos are trained on, validated with and tested on.

    Attributes:
        seed: shuffles the split.
        test_percent: share of the photos to test on, in percent.
        validation_percent: share of the photos to validate with, in percent.
    """

    seed: Annotated[
        int,
        Option(
            group="Photos",
            low=0,
            help="Seed of the split and of every other random choice.",
            after="validation_percent",
        ),
    ] = 0
    test_percent: Annotated[
        float, Option(group="Photos", low=0.1, high=90, help="Share of photos kept to test the file.")
    ] = 15
    validation_percent: Annotated[
        float,
        Option(
            group="Photos",
            low=0,
            high=90,
            help="Share of photos that choose the regularization and set temperature and threshold.",
        ),
    ] = 15

    def position(self, digest: str) -> float:
        """Returns a number from 0 to 100 that is drawn from the digest and the seed alone."""
        mixed = hashlib.sha256(f"graft-split:{self.seed}:{digest}".encode()).digest()
        return int.from_bytes(mixed[:8], "big") / 2**64 * 100

    def part(self, digest: str) -> str:
        """Returns ``test``, ``validation`` or ``train`` for a photo's digest, whatever else is in the data set."""
        percent = self.position(digest)
        if percent < self.test_percent:
            return "test"
        return "validation" if percent < self.test_percent + self.validation_percent else "train"
