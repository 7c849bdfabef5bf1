"""Trains the tail on all training photos, and stores the backbone that ends with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.conversion.backbone import Backbone
from graft_host.backbones.conversion.cache import BackboneCache, CachedNetwork
from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS
from graft_host.fine_tuning.files import MAPS
from graft_host.fine_tuning.plan import Plan
from graft_host.fine_tuning.session import Session
from graft_host.fine_tuning.subject import Subject
from graft_host.fine_tuning.tuner import Measured
from graft_host.networks.cuts.appended_tail import append_tail
from graft_host.networks.cuts.cutting import cut
from graft_host.support.kept.plain_data import digest_of
from graft_host.support.progress import Progress, unwatched


@dataclass(frozen=True, kw_only=True)
class Made:
    """What the last training took.

    Attributes:
        seconds: that it took.
        memory: that TensorFlow's process took, in bytes.
    """

    seconds: float
    memory: int


def key_of(subject: Subject, plan: Plan) -> str:
    """The key of a tuned backbone in the cache."""
    return digest_of("fine-tuned", *subject.inputs(plan))[:32]


def make_tail(session: Session, progress: Progress, measured: Measured) -> Made:
    """Trains the tail, writes it behind the front in int8, and stores the result.

    Args:
        session: with the maps.
        progress: called with (steps done, steps).
        measured: called before the training.

    Raises:
        GraftError: TensorFlow's process failed, or the cache cannot be written.
    """
    subject, plan = session.subject, session.plan
    everything = np.arange(len(session.kept))
    head = subject.linear_head(session.kept)
    tuned, seconds = session.train(everything, head, progress, measured, parameters=True)
    chosen = _in_turn(session)
    maps = np.load(session.folder / MAPS, "r")[chosen]
    data = append_tail(session.front, plan.tail, tuned.parameters, maps, subject.threads, unwatched)
    digests = sorted({subject.shown[session.kept[row]][0].digest for row in chosen})
    stored, key = BackboneCache(subject.cache), key_of(subject, plan)
    for place in range(len(subject.backbone.parts)):
        stored.store(_key_of_part(key, place), cut(data, [place], plan.cut), digests)
    stored.store(key, data, digests)
    return Made(seconds=seconds, memory=tuned.memory)


def find_tuned(subject: Subject, plan: Plan) -> Backbone | None:
    """The tuned backbone in the cache; None if it is not there.

    Its bottlenecks that come from the front are those of the frozen backbone, cached or not.
    """
    stored, key, backbone = BackboneCache(subject.cache), key_of(subject, plan), subject.backbone
    digests = {photo.digest for photo, _ in subject.shown}
    weights = replace(backbone.spec.weights, fitted_to=frozenset(digests))
    trained = {name.removeprefix("bottleneck_") for name in plan.tail.outputs}

    def as_tuned(frozen: Backbone, network: CachedNetwork) -> Backbone:
        return replace(
            frozen,
            spec=replace(frozen.spec, weights=weights),
            path=network.path,
            fingerprint=network.fingerprint,
            calibration_photos=len(network.calibration),
        )

    network = stored.find(key, digests)
    if network is None:
        return None
    parts = []
    for place, part in enumerate(backbone.parts):
        own = stored.find(_key_of_part(key, place), digests)
        if own is None:
            return None
        parts.append(as_tuned(part, own) if part.spec.tap in trained else part)
    return replace(as_tuned(backbone, network), parts=tuple(parts))


def _key_of_part(key: str, place: int) -> str:
    return digest_of(key, place)[:32]


def _in_turn(session: Session) -> NDArray[np.int64]:
    """The rows that the tail's ranges are measured on: photos of each class in turn, without their renditions."""
    photos, labels = session.rows.photos[: len(session.kept)], session.rows.labels
    first = np.sort(np.unique(photos, return_index=True)[1])
    ranks = np.zeros(len(first), np.int64)
    for label in np.unique(labels[first]):
        own = labels[first] == label
        ranks[own] = np.arange(own.sum())
    return np.sort(first[np.argsort(ranks, kind="stable")][:MAX_CALIBRATION_PHOTOS])
