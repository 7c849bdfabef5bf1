"""The options that ask what more photos would give, and what unknown objects would be taken for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from graft_host.support.option import Option


@dataclass(frozen=True, kw_only=True)
class ProspectOptions:
    """What is asked besides what is wrong with the photos.

    Attributes:
        strangers: whether heads are trained without each class in turn.
        learning_curve: whether heads are trained on parts of the photos.
    """

    strangers: Annotated[
        bool,
        Option(
            group="Prospects",
            help="Train heads without each class in turn, and count how many of its photos they would call unknown.",
        ),
    ] = False
    learning_curve: Annotated[
        bool,
        Option(
            group="Prospects",
            help="Train heads on parts of the photos, and estimate what twice as many photos would give.",
        ),
    ] = False
