"""The lines of ``graft train`` about photos from elsewhere, and about the classes at the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft_device.text import printable
from graft_host.samples.options import DENSITY, EQUAL

if TYPE_CHECKING:
    from graft_host.samples.rows import SourceRows
    from graft_host.training.result import TrainResult


def source_facts(result: TrainResult) -> list[tuple[str, str]]:
    """What the source photos are, and what they gave; nothing without any."""
    source, gain = result.material.source, result.gain
    if source is None or gain is None:
        return []
    on = f"cross-validated on all {gain.both.photos} photos" if gain.cross_validated else "on the test photos"
    parts = ("target alone", gain.target), ("source alone", gain.source), ("both", gain.both)
    return [
        ("source", _source(source)),
        ("compared", f"{on}: {', '.join(f'{name} {estimate.text()}' for name, estimate in parts)}"),
    ]


def copies_facts(result: TrainResult) -> list[tuple[str, str]]:
    """The copies of training photos; nothing without any, or if source photos have them."""
    copies = result.material.copies
    return [("copies", f"{' and '.join(copies.texts())} of each training photo")] if copies else []


def prior_facts(result: TrainResult) -> list[tuple[str, str]]:
    """The shares of classes at the place and the accuracy weighted to them; nothing without any."""
    prior, accuracy = result.prior, result.at_prior
    if prior is None or accuracy is None:
        return []
    shares = ", ".join(
        f"{printable(label)} {share:.1%}" for label, share in zip(prior.labels, prior.shares.tolist(), strict=True)
    )
    return [("prior", f"{shares}: {accuracy:.1%} right so weighted; all other figures are of the photos as they are")]


def _source(source: SourceRows) -> str:
    photos, weighted = len(source.sources.photos), source.weighted
    least, _, middle, _, most = weighted.quantiles
    if weighted.rule == DENSITY:
        weight = (
            f"weigh {least:.2g} to {most:.2g}, median {middle:.2g}, and count like {weighted.effective:.0f} equal ones"
        )
    elif weighted.rule == EQUAL:
        weight = f"weigh {middle:.2g} each, as much as the target's together"
    else:
        weight = f"weigh {middle:.2g} each"
    counted = "1 photo" if photos == 1 else f"{photos:,} photos"
    return f"{counted}{''.join(f', {text} each' for text in source.copies.texts())}; {weight}"
