"""Prints a row for each draw of photos: a linear head, fine-tuned layers, and what a trial decides.

Run ``python -m benchmarks.fine_tuning PHOTOS``. Of N photos a class, 18% choose the penalty and set the temperature;
at most 80 others of each class test. The draw of number S has the seed S.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights
from graft_host.fine_tuning.maps import MOST_BYTES
from graft_host.fine_tuning.plan import FOLDS, make_plan
from graft_host.fine_tuning.session import open_session
from graft_host.fine_tuning.subject import Subject
from graft_host.fine_tuning.trial import judged, try_fold
from graft_host.heads.head import Head, train_head
from graft_host.heads.recipe import Recipe
from graft_host.heads.temperature import helpful_temperature, log_losses
from graft_host.photos.dataset import Photo, scan
from graft_host.photos.renditions import ORIGINAL
from graft_host.support.progress import unwatched
from graft_host.support.scratch import scratch

_HELD_OUT, _LEAST_HELD_OUT = 0.18, 2  # of the photos of each class
_MOST_TESTED = 80  # photos of each class

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True)
class Draw:
    """Photos that train, validate and test."""

    train: list[Photo]
    validation: list[Photo]
    test: list[Photo]


def draw(photos: tuple[Photo, ...], count: int, seed: int) -> Draw:
    """Draws photos, ``count`` of each class to train and validate with."""
    rng = np.random.default_rng(seed)
    drawn = Draw([], [], [])
    held_out = max(_LEAST_HELD_OUT, round(count * _HELD_OUT))
    for label in sorted({photo.label for photo in photos}):
        own = [photo for photo in photos if photo.label == label]
        shuffled = [own[place] for place in rng.permutation(len(own))]
        drawn.train.extend(shuffled[: count - held_out])
        drawn.validation.extend(shuffled[count - held_out : count])
        drawn.test.extend(shuffled[count : count + _MOST_TESTED])
    return drawn


def figures(head: Head, validation: Labelled, test: Labelled) -> str:
    """Balanced accuracy in percent and log loss of a head, at the temperature that suits the validation photos."""
    logits = head.logits(validation[0]).astype(np.float64)
    temperature = helpful_temperature(logits, validation[1], np.arange(len(logits)), 0)
    tested, labels = head.logits(test[0]).astype(np.float64), test[1]
    right = tested.argmax(axis=1) == labels
    balanced = np.mean([right[labels == label].mean() for label in np.unique(labels)])
    return f"{100 * balanced:.1f} | {log_losses(tested / temperature, labels).mean():.3f}"


def row(drawn: Draw, backbone: Backbone, seed: int, options: argparse.Namespace) -> str:
    """The row of a draw."""
    cache, threads, parts = options.cache, options.threads, (drawn.train, drawn.validation, drawn.test)
    with Bottlenecks(backbone, cache) as bottlenecks:
        bottlenecks.extract(photos_alone([photo for part in parts for photo in part]), threads, unwatched)
        train, validation, test = (bottlenecks.matrix(part) for part in parts)
    classes, recipe = int(train[1].max()) + 1, Recipe(seed=seed)

    def subject(others: list[Photo], labelled: Labelled) -> Subject:
        return Subject(
            backbone=backbone, shown=[(photo, ORIGINAL[0]) for photo in drawn.train], train=train,
            groups=np.arange(len(train[1])), weights=None, others=others, validation=labelled, classes=classes,
            recipe=recipe, cache=cache, threads=threads,
        )  # fmt: skip

    with scratch() as folder, scratch() as narrow:
        others = (np.concatenate([validation[0], test[0]]), np.concatenate([validation[1], test[1]]))
        plan = make_plan(backbone.spec, len(drawn.train), len(others[1]), 1, MOST_BYTES)
        if isinstance(plan, str):
            return plan
        session = open_session(subject([*drawn.validation, *drawn.test], others), plan, folder, unwatched)
        linear = train_head(train, validation, classes, recipe, threads=threads)
        tuned, seconds = session.train(session.kept, linear, unwatched, lambda *_: None)
        held = session.validation
        own = tuned.bottlenecks[session.kept]
        validated, tested = (
            (tuned.bottlenecks[rows], session.rows.labels[rows])
            for rows in (held[: len(validation[1])], held[len(validation[1]) :])
        )
        head = train_head((own, train[1]), validated, classes, recipe, fitted=True)
        decided = "| "
        if options.trial:
            trial = open_session(subject(drawn.validation, validation), plan, narrow, unwatched)
            comparison, _ = judged(try_fold(trial, fold, unwatched, lambda *_: None) for fold in range(FOLDS))
            kept = "kept" if comparison.wins else "not kept"
            decided = f"| {comparison.difference:+.3f} ± {comparison.standard_error:.3f}, {kept} "
        figures_of_both = f"{figures(linear, validation, test)} | {figures(head, validated, tested)}"
        return f"{plan.cut}, {plan.epochs} | {figures_of_both} | {seconds:.0f} | {tuned.memory / 1e6:.0f} {decided}|"


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fine_tuning", description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--tap", default="top")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--per-class", type=int, nargs="+", default=[20, 60])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--trial", action="store_true", help="also make the trial, which takes twice as long again")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    dataset = scan(options.photos, options.threads, cache=options.cache)
    weights = find_weights(options.weights, 0, family(options.backbone))
    spec = BackboneSpec(
        weights=weights, tap=weights.family.ordered(options.tap), image_size=options.image_size, quantization="int8",
        resize="squash",
    )  # fmt: skip
    with threadpool_limits(1):
        backbone = make_backbone(spec, dataset.photos, options.cache, options.threads)
        for count in options.per_class:
            for seed in options.seeds:
                text = row(draw(dataset.photos, count, seed), backbone, seed, options)
                print(f"| {options.photos.name} | {count} | {seed} | {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
