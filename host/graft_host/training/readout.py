"""Chooses what the head reads of the network, before the head is trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks, extract_together
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.joined import joined_from
from graft_host.backbones.conversion.trunk import Trunk, quantized_trunk
from graft_host.backbones.readouts import SINGLE, readouts
from graft_host.backbones.taps import JOIN, layer_of
from graft_host.heads.readouts import Candidate, Judges, Readout, judge, simplest_of_the_best
from graft_host.photos.dataset import Photo
from graft_host.support.clock import Clock
from graft_host.support.kept.results import ResultCache
from graft_host.support.reporter import Reporter
from graft_host.training.material import Material, fitted_photos, gathered, group_numbers
from graft_host.training.options import TrainOptions
from graft_host.training.survey import Survey, backbone_spec, survey

_MOST_PHOTOS = 400
"""Photos that readouts are judged on at most, so that choosing takes seconds."""

_MOST_CLASSES = 40
"""Classes that readouts are judged on at most; the time grows with their number."""

_FEWEST_PHOTOS = 3
"""Different photos of a class, on average, below which folds can judge nothing."""


def gather_chosen(options: TrainOptions, reporter: Reporter, clock: Clock) -> Material:
    """Does what ``gather`` does, with the readout that suits the photos best.

    One network computes all candidates in one pass over the photos that judge them. The others run through the network
    of the chosen readout alone, which is cut from it.

    Raises:
        GraftError: anything that keeps a head from being trained; the cache keeps what was computed.
    """
    found = survey(options, reporter, clock)
    if options.readout == SINGLE:
        return gathered(found, options, reporter, clock)
    choice = _Choice(found, options)
    readout = choice.readout(reporter, clock)
    chosen = replace(options, tap=readout.chosen, readout=SINGLE, recalibrate=options.recalibrate and not choice.trunk)
    material = replace(gathered(found, chosen, reporter, clock), readout=readout)
    return material if choice.trunk is None else choice.counted(material)


class _Choice:
    """The choice of a readout.

    Args:
        found: the photos and weights.
        options: of the run.

    Attributes:
        trunk: the network that computes all candidates; None before it is needed.
    """

    def __init__(self, found: Survey, options: TrainOptions) -> None:
        self.trunk: Trunk | None = None
        self._found, self._options = found, options
        self._extraction = Extraction({}, 0, 0)

    def readout(self, reporter: Reporter, clock: Clock) -> Readout:
        """Chooses a readout, or takes the choice of an earlier run with the same photos from the cache."""
        options, found = self._options, self._found
        kind = options.readout or SINGLE
        taps = readouts(options.family, options.tap, kind)
        photos = judging_photos(found, options.rule.seed)
        helpers = helping_photos(found, photos, options.rule.seed)
        if len(taps) == 1 or not photos:
            return Readout(requested=kind, chosen=_simplest(taps, options.tap))
        trunk = self.trunk = self._quantized(taps, reporter, clock)

        def compute() -> Readout:
            with _opened(trunk, found) as outputs:
                usable = self._extracted(trunk, outputs, [*photos, *helpers], reporter, clock)
                judging, helping = ([photo for photo in part if photo in usable] for part in (photos, helpers))
                return self._judged(taps, judging, helping, outputs, reporter, clock)

        inputs = (
            [part.fingerprint for part in trunk.backbones], taps, options.readout, options.recipe.balanced,
            [(photo.cache_key, photo.label, photo.place) for photo in photos], options.rule.seed,
            [(photo.cache_key, photo.label) for photo in helpers],
        )  # fmt: skip
        readout = ResultCache(found.cache).recall("readout", inputs, (Readout, Candidate), compute)
        joined_from(trunk, readout.chosen.split(JOIN), found.cache)
        return readout

    def counted(self, material: Material) -> Material:
        """The material, with what the choice computed counted in."""
        first, second = self._extraction, material.extraction
        extraction = replace(
            second,
            hits=second.hits - first.misses,
            misses=second.misses + first.misses,
            damaged=second.damaged + first.damaged,
            put_aside=(*first.put_aside, *second.put_aside),
        )
        reused = self.trunk is None or self.trunk.reused
        return replace(material, extraction=extraction, backbone=replace(material.backbone, reused=reused))

    def _quantized(self, taps: Sequence[str], reporter: Reporter, clock: Clock) -> Trunk:
        options, found = self._options, self._found
        spec = backbone_spec(found.weights, options)
        layers = sorted({layer for tap in taps for layer in tap.split(JOIN)})
        training = [*found.split.train, *found.sources.calibrating]
        with clock.stage("backbone"), reporter.progress("quantizing") as progress:
            return quantized_trunk(spec, layers, training, found.cache, found.threads, options.recalibrate, progress)

    def _extracted(
        self, trunk: Trunk, outputs: Sequence[Bottlenecks], photos: Sequence[Photo], reporter: Reporter, clock: Clock
    ) -> set[Photo]:
        """Runs the trunk on photos; returns those that could be decoded."""
        with clock.stage("bottlenecks"), reporter.progress("bottlenecks") as progress:
            self._extraction = extract_together(
                trunk.path, trunk.backbones[0].spec, outputs, photos_alone(photos), self._found.threads, progress
            )
        return {photo for photo in photos if photo.digest not in self._extraction.failures}

    def _judged(
        self,
        taps: Sequence[str],
        judging: Sequence[Photo],
        helping: Sequence[Photo],
        outputs: Sequence[Bottlenecks],
        reporter: Reporter,
        clock: Clock,
    ) -> Readout:
        options, photos = self._options, [*judging, *helping]
        judges = judges_of(judging, helping, options)
        names = [part.spec.tap for part in (self.trunk.backbones if self.trunk else ())]
        parts = {name: output.matrix(photos)[0] for name, output in zip(names, outputs, strict=True)}
        judged = []
        with clock.stage("readout"), reporter.progress("choosing readout", "readouts") as progress:
            for done, tap in enumerate(taps, 1):
                values = np.concatenate([parts[layer] for layer in options.family.taps_of(tap)], axis=1)
                judged.append(judge(values, judges, self._found.threads))
                progress(done, len(taps))
        chosen = simplest_of_the_best(judged, judges.groups[judges.groups >= 0])
        listed = tuple(
            Candidate(tap=tap, log_loss=float(one.losses.mean()), accuracy=one.accuracy)
            for tap, one in zip(taps, judged, strict=True)
        )
        return Readout(requested=options.readout or SINGLE, chosen=taps[chosen], photos=len(judging), candidates=listed)


def judging_photos(found: Survey, seed: int) -> list[Photo]:
    """The training and validation photos that readouts are judged on; none if they are too few.

    Of many photos these are about as many of each class, and of many classes some. Photos that the backbone was fitted
    to judge nothing. Test photos never do.

    Args:
        found: the photos.
        seed: chooses.
    """
    seen = [*found.split.train, *found.split.validation]
    photos = [photo for photo, own in zip(seen, fitted_photos(found.weights, seen), strict=True) if not own]
    rng = np.random.default_rng(seed)
    present = sorted({photo.label for photo in photos})
    classes = sorted(rng.permutation(present)[:_MOST_CLASSES].tolist())
    if len(present) < len(found.dataset.labels):
        return []
    chosen = []
    for label in classes:
        chosen += _some([photo for photo in photos if photo.label == label], _MOST_PHOTOS // len(classes), rng)
    different = len({photo.place for photo in chosen})
    return chosen if different >= _FEWEST_PHOTOS * len(classes) else []


def _simplest(taps: Sequence[str], deepest: str) -> str:
    """The simplest readout that ends at the deepest tap; this tap itself if it is among them."""
    return deepest if deepest in taps else next(tap for tap in taps if layer_of(tap.split(JOIN)[-1]) == deepest)


def helping_photos(found: Survey, judging: Sequence[Photo], seed: int) -> list[Photo]:
    """The source photos that heads are trained on beside those that are judged; of many, some of each class.

    Args:
        found: the photos of the run and its sources.
        judging: the photos that are judged.
        seed: chooses.
    """
    rng, classes = np.random.default_rng(seed), sorted({photo.label for photo in judging})
    helping = []
    for label in classes:
        own = [photo for photo in found.sources.photos if photo.label == label]
        helping += _some(own, _MOST_PHOTOS // len(classes), rng)
    return helping


def judges_of(judging: Sequence[Photo], helping: Sequence[Photo], options: TrainOptions) -> Judges:
    """The photos that readouts are judged on, and those that only train, which weigh as much together.

    Args:
        judging: photos of the target.
        helping: photos of sources.
        options: of the run.
    """
    present, labels = np.unique([photo.label for photo in (*judging, *helping)], return_inverse=True)
    weights = np.ones(len(labels))
    weights[len(judging) :] = len(judging) / max(len(helping), 1)
    if options.recipe.balanced:
        weights *= (weights.sum() / (len(present) * np.bincount(labels, weights)))[labels]
    return Judges(
        labels=labels.astype(np.int64),
        groups=np.concatenate([group_numbers(judging), np.full(len(helping), -1)]),
        weights=weights,
        classes=len(present),
        seed=options.rule.seed,
    )


def _some(photos: Sequence[Photo], most: int, rng: np.random.Generator) -> list[Photo]:
    """At most so many of the photos, drawn at random; near duplicates of a photo are drawn after other photos."""
    if len(photos) <= most:
        return list(photos)
    order = rng.permutation(len(photos))
    _, first = np.unique([photos[place].place for place in order], return_index=True)
    different = set(first.tolist())
    ranked = sorted(range(len(order)), key=lambda rank: rank not in different)
    return [photos[order[rank]] for rank in ranked[:most]]


@contextlib.contextmanager
def _opened(trunk: Trunk, found: Survey) -> Iterator[list[Bottlenecks]]:
    """The bottlenecks of a trunk's backbones."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Bottlenecks(backbone, found.cache)) for backbone in trunk.backbones]
