"""The functions that ``import graft_host`` offers: each does what the command of its name does, without printing."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from graft_host import comparison, photo_check
from graft_host.backbones.readouts import ReadoutKind
from graft_host.comparison import Comparison
from graft_host.evaluation.comparing import evaluate_against
from graft_host.evaluation.evaluate import Evaluation, evaluate_folder
from graft_host.fine_tuning.options import FineTune
from graft_host.heads.recipe import ClassWeight, Optimizer
from graft_host.network_search import search as network_search
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.pareto import Candidate
from graft_host.network_search.result import SearchResult
from graft_host.photo_check import CheckResult
from graft_host.photos.given.places import PhotoPlaces
from graft_host.support.option import OptionError, build
from graft_host.support.progress import Progress
from graft_host.training import pipeline
from graft_host.training.options import CheckOptions, HeadOptions, Quantization, Resize, TrainOptions
from graft_host.training.result import TrainResult

StrPath = str | os.PathLike[str]
"""The path of a file or folder."""

ProgressCallback = Callable[[str, int, int], None]
"""Called with the name of a stage, the number of steps done, and the number of all steps of the stage."""

NoteCallback = Callable[[str], None]
"""Called with a line of text that the user should know."""

FoundCallback = Callable[[Candidate], None]
"""Called with a network that a search has tried."""

_log = logging.getLogger("graft_host")


def train(
    photos: StrPath,
    output: StrPath,
    *,
    also: StrPath | Sequence[StrPath] = (),
    labels: StrPath | Sequence[StrPath] = (),
    weights: StrPath = "imagenet",
    backbone: str = "inception-v3",
    tap: str = "",
    readout: ReadoutKind | None = None,
    image_size: int = 0,
    quantize: Quantization = "int8",
    resize: Resize = "squash",
    test_percent: float = 15,
    validation_percent: float = 15,
    seed: int = 0,
    augment: int = 0,
    source: StrPath | Sequence[StrPath] = (),
    source_weight: float | Literal["equal", "density"] = "equal",
    camera_copies: int | None = None,
    match: StrPath | None = None,
    prior: Mapping[str, float] | Sequence[str] = (),
    optimizer: Optimizer = "lbfgs",
    learning_rate: float = 0.5,
    steps: int = 4000,
    class_weight: ClassWeight = "none",
    fine_tune: FineTune = "off",
    min_accuracy: float | None = None,
    max_drop: float | None = None,
    not_worse_than: StrPath | None = None,
    golden_from: StrPath | Sequence[StrPath] = (),
    keep_rejected: bool = False,
    unknown: StrPath | Sequence[StrPath] = (),
    unknown_rate: float = 0.05,
    report: StrPath | None = None,
    golden: bool = True,
    memory: bool = True,
    strict: bool = False,
    recalibrate: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
    cache: StrPath | None = None,
    progress: ProgressCallback | None = None,
    note: NoteCallback | None = None,
) -> TrainResult:
    """Trains a model on a folder of photos, tests it, and writes it as one ``.tflite`` file.

    The photos are divided into photos to train on, to validate with and to test with. The backbone is quantized
    first, the head is trained on what the quantized backbone computes, and the finished file is tested on the test
    photos with the code that the board runs. Backbones and bottlenecks are cached, so a second run with other options
    for the head takes seconds.

    Args:
        photos: A folder with a folder of photos per class. The folders' names become the labels. If it contains
            ``train``, ``val`` and ``test`` with the class folders inside, these give the split.
        output: The ``.tflite`` file to write.
        also: Further folders with a folder of photos per class.
        labels: CSV or JSON files that list the photos in ``photos`` with their labels, as ``path,label`` or
            ``path,label,split``, or COCO annotations. The folders in ``photos`` are no classes then.
        weights: ``"imagenet"`` (downloaded for Inception-v3, in a pip package for the others), ``"random"``, or the
            path of a weights file: a Keras ``notop`` ``.h5``, the ``.pb`` of 2015, or the ``.pth`` of a pip package.
        backbone: The family of networks that the backbone is cut from: ``"inception-v3"``, or the faster
            ``"efficientnet-lite0"``, ``"efficientnet-lite1"`` and ``"efficientnet-lite2"``.
        tap: The layer that bottlenecks are taken from, ``"mixed0"`` to ``"mixed10"`` for Inception-v3, ``"expand3"`` to
            ``"top"`` for the others. Earlier layers are faster. Several with ``+`` between them, such as
            ``"mixed5+mixed7"``, put their bottlenecks side by side. ``"mixed7/2x2"`` takes the means of the quarters
            of the layer's map, not that of the whole map. The family's default (``"mixed10"`` or ``"top"``) if empty.
        readout: What the head reads of the network. ``"single"`` is the bottleneck of ``tap``. The others choose by
            cross-validation on the photos, and ``tap`` is then the deepest tap that may be read: ``"multi"`` among
            several taps side by side, ``"grid"`` among the means of the four quarters of one tap or of several, and
            ``"auto"`` among all of these and single taps. ``"auto"`` if None, but ``"single"`` where ``tap`` is given,
            where weights are ``"random"`` and where ``optimizer`` is ``"sgd"``.
        image_size: The input side in pixels. Smaller is faster. The family's default (299 for Inception-v3, 224 to 260
            for the others) if 0.
        quantize: The numbers in the file: ``"int8"``, ``"dynamic"``, ``"float16"`` or ``"float32"``.
        resize: ``"squash"`` resizes the whole photo to a square, ``"crop"`` takes its central 87.5%.
        test_percent: The share of the photos that only test the finished file, in percent.
        validation_percent: The share of the photos that choose the regularization and calibrate the scores, in
            percent.
        seed: Shuffles the split and everything else that is drawn.
        augment: The number of variants of each training photo.
        source: A folder of photos of the same classes from elsewhere, or several. They are only trained on. ``photos``
            is then the target: photos of the place, by the board's camera.
        source_weight: ``"equal"`` lets all source photos together count as much as those of the target. ``"density"``
            lets each count as much as it looks like those of the target. A number is the weight of each source photo,
            where a photo of the target has 1.
        camera_copies: The number of copies of each source photo as a bad camera would take it, or of each training
            photo where there is no source. 1 with a source and 0 without if None.
        match: A folder of photos by the board's camera, of any class. A copy of each source photo (without a source,
            of each training photo) that looks like them is trained on, too. No such copies if None.
        prior: How often classes occur at the place, as ``{"cat": 0.85}`` or ``["cat=0.85"]``. Other classes share the
            rest in proportion.
        optimizer: ``"lbfgs"`` finds the regularized optimum, ``"sgd"`` is plain gradient descent as in 2015.
        learning_rate: The step size of ``"sgd"``.
        steps: The number of steps of ``"sgd"``, 100 photos each.
        class_weight: ``"balanced"`` makes every class count the same, however many photos it has.
        fine_tune: ``"auto"`` trains the backbone's last layers too, and keeps them if held-out photos say that they
            help. It takes minutes, and the extra ``tensorflow``. ``"off"`` trains the head alone.
        min_accuracy: The least accuracy of the file on the test photos, from 0 to 1. No gate if None.
        max_drop: How much less accurate than float32 the file may be, from 0 to 1. No gate if None.
        not_worse_than: An older ``.tflite`` that the file may not be worse than, on test photos that neither was
            trained on and on its golden photos. No gate if None.
        golden_from: Further ``.tflite`` files whose golden photos the file must name as they do.
        keep_rejected: Whether a file that fails a gate is kept as ``OUTPUT.rejected.tflite``.
        unknown: A folder of photos that are of none of the classes, or several. The model learns to call such photos
            unknown, like those in a folder ``unknown`` in ``photos``.
        unknown_rate: The share of known photos that may be called unknown so that unknown objects are. 0 for a model
            that calls nothing unknown.
        report: An ``.html`` page to write about how good the model is. No page if None.
        golden: Whether a few test photos are put into the file for the board's self-test.
        memory: Whether the file remembers what the network computes for its photos, so that a board can learn a class
            with ``graft-device learn``. The means of the classes serve otherwise.
        strict: Whether a photo that cannot be read is an error. Such photos are skipped otherwise.
        recalibrate: Whether the backbone is quantized again even if it is cached.
        overwrite: Whether an earlier model or report is replaced.
        threads: The number of cores to use. All of them if None.
        cache: The folder of backbones and bottlenecks. ``$GRAFT_CACHE`` or ``~/.cache/graftkit`` if None.
        progress: Called with the stage, the number of steps done and the number of all steps.
        note: Called with each line that the user should know, such as a photo that is skipped. The lines go to the
            logger ``graft_host`` at level INFO if None.

    Returns:
        The result: ``model`` (the path of the file), ``labels``, ``accuracy.shipped`` (on the test photos),
        ``evaluation``, ``readout`` and more.

    Raises:
        OptionError: An option has a value that it does not take.
        RejectedError: The file failed ``min_accuracy``, ``max_drop`` or ``not_worse_than``. Its ``result`` holds the
            figures.
        UnreportedError: The model was written, but its report could not be.
        GraftError: The model could not be made. No file is written, and the cache keeps what was computed.

    Examples:
        >>> result = train("photos", "pets.tflite", tap="mixed7")  # doctest: +SKIP
        >>> result.accuracy.shipped  # doctest: +SKIP
        0.9833
    """
    values = {**locals(), "prior": _shares(prior)}
    return pipeline.train(build(TrainOptions, values), _Callbacks(progress, note))


def evaluate(
    model: StrPath,
    photos: StrPath,
    *,
    also: StrPath | Sequence[StrPath] = (),
    labels: StrPath | Sequence[StrPath] = (),
    split: Literal["test", "all"] = "test",
    against: StrPath | None = None,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    note: NoteCallback | None = None,
) -> Evaluation:
    """Measures a model file on photos whose class is known.

    Args:
        model: A ``.tflite`` file that ``train`` wrote.
        photos: A folder with a folder of photos per class. Each class must be one of the model's labels.
        also: Further folders with a folder of photos per class.
        labels: CSV or JSON files that list the photos in ``photos`` with their labels, as ``path,label`` or
            ``path,label,split``, or COCO annotations. The folders in ``photos`` are no classes then.
        split: ``"test"`` takes the photos that training kept aside, and photos added since then that the same split
            puts beside them. ``"all"`` takes every photo.
        against: An older ``.tflite`` to compare with, on those of the photos that it was not trained on either. None
            to compare with no other.
        threads: The number of cores to use. All of them if None.
        progress: Called with the stage, the number of photos done and the number of all photos.
        note: Called with each line that the user should know, such as a photo that is skipped. The lines go to the
            logger ``graft_host`` at level INFO if None.

    Returns:
        The scores of each photo, with ``accuracy``, ``per_class()`` and ``confusion``. ``negatives`` is what the model
        says of the photos of a folder ``unknown``, if there is one, and ``comparison`` is that with ``against``.

    Raises:
        OptionError: ``split`` is neither ``"test"`` nor ``"all"``.
        DatasetError: There is no photo to evaluate on, or a class is unknown to the model.
        ModelError: The file cannot be used.

    Examples:
        >>> evaluate("pets.tflite", "photos").accuracy  # doctest: +SKIP
        0.9833
    """
    if split not in {"test", "all"}:
        raise OptionError(f"there is no {split!r}", "choose from test, all", option="--split")
    places = PhotoPlaces(root=Path(photos), also=_paths(also), labels=_paths(labels))
    reporter = _Callbacks(progress, note)
    if against is None:
        return evaluate_folder(Path(model), places, split, threads, reporter)
    return evaluate_against(Path(model), Path(against), places, split, threads, reporter)


def check(
    photos: StrPath,
    *,
    also: StrPath | Sequence[StrPath] = (),
    labels: StrPath | Sequence[StrPath] = (),
    weights: StrPath = "imagenet",
    backbone: str = "inception-v3",
    tap: str = "",
    image_size: int = 0,
    quantize: Quantization = "int8",
    resize: Resize = "squash",
    test_percent: float = 15,
    validation_percent: float = 15,
    seed: int = 0,
    strangers: bool = False,
    learning_curve: bool = False,
    unknown: StrPath | Sequence[StrPath] = (),
    unknown_rate: float = 0.05,
    threads: int | None = None,
    cache: StrPath | None = None,
    progress: ProgressCallback | None = None,
    note: NoteCallback | None = None,
) -> CheckResult:
    """Finds what is wrong with a folder of photos before a model is trained on it.

    It finds files that cannot be read, copies and near duplicates, photos that are likely in the wrong class, classes
    with few photos, and more. Give it the options of ``train``, which then finds backbone and bottlenecks in the cache.

    Args:
        photos: A folder with a folder of photos per class.
        also: Further folders with a folder of photos per class.
        labels: CSV or JSON files that list the photos in ``photos`` with their labels, as ``path,label`` or
            ``path,label,split``, or COCO annotations. The folders in ``photos`` are no classes then.
        weights: ``"imagenet"`` (downloaded for Inception-v3, in a pip package for the others), ``"random"``, or the
            path of a weights file. Photos in the wrong class are found with these weights, and are not searched for if
            ``"imagenet"`` is not available.
        backbone: The family of networks that the backbone is cut from: ``"inception-v3"``, or the faster
            ``"efficientnet-lite0"``, ``"efficientnet-lite1"`` and ``"efficientnet-lite2"``.
        tap: The layer that bottlenecks are taken from, or several with ``+`` between them. The family's default
            (``"mixed10"`` or ``"top"``) if empty.
        image_size: The input side in pixels. Photos that are much smaller are reported. The family's default (299 for
            Inception-v3, 224 to 260 for the others) if 0.
        quantize: The numbers in the backbone: ``"int8"``, ``"dynamic"``, ``"float16"`` or ``"float32"``.
        resize: ``"squash"`` resizes the whole photo to a square, ``"crop"`` takes its central 87.5%.
        test_percent: The share of the photos that ``train`` would test with, in percent.
        validation_percent: The share of the photos that ``train`` would validate with, in percent.
        seed: Shuffles the split and everything else that is drawn.
        strangers: Whether to train heads without each class in turn, and to count how many of its photos they would
            call unknown.
        learning_curve: Whether to train heads on parts of the photos, and to estimate what twice as many would give.
        unknown: A folder of photos that are of none of the classes, or several, which are checked for copies.
        unknown_rate: The share of known photos that the heads of ``strangers`` may call unknown. 0 if a folder
            ``unknown`` in ``photos`` is an ordinary class.
        threads: The number of cores to use. All of them if None.
        cache: The folder of backbones and bottlenecks. ``$GRAFT_CACHE`` or ``~/.cache/graftkit`` if None.
        progress: Called with the stage, the number of steps done and the number of all steps.
        note: Called with each line that the user should know. The lines go to the logger ``graft_host`` at level INFO
            if None.

    Returns:
        The ``findings``, each with ``kind``, ``paths``, ``problem`` and ``advice``, and in ``prospects`` the answers of
        ``strangers`` and ``learning_curve``.

    Raises:
        OptionError: An option has a value that it does not take.
        DatasetError: The folder does not exist, or has no class folder.
        WeightsError: The weights cannot be used.
        GraftError: The cache cannot be used, or the backbone cannot be converted.

    Examples:
        >>> for finding in check("photos", tap="mixed7").findings:  # doctest: +SKIP
        ...     print(finding.kind, finding.paths[0], finding.problem)
    """
    return photo_check.check(build(CheckOptions, locals()), _Callbacks(progress, note))


def search(
    photos: StrPath,
    *,
    also: StrPath | Sequence[StrPath] = (),
    labels: StrPath | Sequence[StrPath] = (),
    taps: Sequence[str] = (),
    sizes: Sequence[int] = (),
    max_ms: float | None = None,
    max_mb: float | None = None,
    min_accuracy: float | None = None,
    within: float = 0.01,
    output: StrPath | None = None,
    latency: Sequence[StrPath] = (),
    report: StrPath | None = None,
    weights: StrPath = "imagenet",
    backbone: str = "inception-v3",
    backbones: Sequence[str] = (),
    resize: Resize = "squash",
    test_percent: float = 15,
    validation_percent: float = 15,
    seed: int = 0,
    class_weight: ClassWeight = "none",
    unknown: StrPath | Sequence[StrPath] = (),
    unknown_rate: float = 0.05,
    strict: bool = False,
    recalibrate: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
    cache: StrPath | None = None,
    progress: ProgressCallback | None = None,
    note: NoteCallback | None = None,
    found: FoundCallback | None = None,
) -> SearchResult:
    """Finds the fastest int8 model that is good enough, among backbones, layers and image sizes.

    Every tap of a backbone is tried at every size. Accuracy is cross-validated on the photos to train on and to
    validate with; the test photos are used only to test the winner.

    Args:
        photos: A folder with a folder of photos per class.
        also: Further folders with a folder of photos per class.
        labels: CSV or JSON files that list the photos in ``photos`` with their labels, as ``path,label`` or
            ``path,label,split``, or COCO annotations. The folders in ``photos`` are no classes then.
        taps: The layers to try; ``"mixed5+mixed7"`` puts those of two side by side, ``"mixed7/2x2"`` takes the means
            of the quarters of a map. The family's choice (``"mixed5"``, ``"mixed6"``, ``"mixed7"`` and
            ``"mixed5+mixed6+mixed7"``) if empty. A family that has none of them tries its own choice.
        sizes: The input sides in pixels to try. The family's choice (150, 192, 224 and 299) if empty. A family that
            takes none of them tries its own choice.
        max_ms: The milliseconds that one inference may take. Any time if None.
        max_mb: The size that the file may have, in MB of 1e6 bytes. Any size if None.
        min_accuracy: The accuracy that is enough, from 0 to 1. If None, ``within`` decides.
        within: How far below the best accuracy a faster network may be, from 0 to 1.
        output: The ``.tflite`` file of the winner. The winner is not kept if None.
        latency: Files with the output of ``graft-device bench --json`` on the board. Latency is measured on this
            machine if there are none.
        report: An ``.html`` page to write about all networks. No page if None.
        weights: ``"imagenet"`` (downloaded for Inception-v3, in a pip package for the others), ``"random"``, or the
            path of a weights file. If several families are tried, a file is for the one that reads it, and the others
            take their own weights.
        backbone: The family of networks that the backbones are cut from.
        backbones: The families to try, or ``["all"]`` for every one whose weights are here. ``backbone`` alone if
            empty.
        resize: ``"squash"`` resizes the whole photo to a square, ``"crop"`` takes its central 87.5%.
        test_percent: The share of the photos that only test the winner, in percent.
        validation_percent: The share of the photos that choose the regularization and calibrate the scores, in
            percent.
        seed: Shuffles the split and everything else that is drawn.
        class_weight: ``"balanced"`` makes every class count the same, however many photos it has.
        unknown: A folder of photos that are of none of the classes, or several. The model learns to call such photos
            unknown, like those in a folder ``unknown`` in ``photos``.
        unknown_rate: The share of known photos that may be called unknown so that unknown objects are. 0 for a model
            that calls nothing unknown.
        strict: Whether a photo that cannot be read is an error. Such photos are skipped otherwise.
        recalibrate: Whether backbones are quantized again even if they are cached.
        overwrite: Whether existing output files are replaced.
        threads: The number of cores to use. All of them if None.
        cache: The folder of backbones and bottlenecks. ``$GRAFT_CACHE`` or ``~/.cache/graftkit`` if None.
        progress: Called with the stage, the number of steps done and the number of all steps.
        note: Called with each line that the user should know. The lines go to the logger ``graft_host`` at level INFO
            if None.
        found: Called with each network as soon as its accuracy and milliseconds are known, and again when its
            milliseconds change: at the end, all networks are timed in turns.

    Returns:
        The ``candidates`` (fastest first), the one that was ``chosen``, and ``trained``, the result of training it.

    Raises:
        OptionError: An option has a value that it does not take.
        NothingFitsError: No network meets the limits. Its ``result`` holds all candidates.
        GraftError: The search could not be finished. The cache keeps what was computed.

    Examples:
        >>> result = search("photos", max_ms=50, output="pets.tflite")  # doctest: +SKIP
        >>> result.chosen.backbone, result.chosen.tap, result.chosen.image_size  # doctest: +SKIP
        ('inception-v3', 'mixed6', 224)
    """
    return network_search.search(
        build(SearchOptions, locals()),
        _Callbacks(progress, note),
        found,
    )


def compare(
    photos: StrPath,
    *,
    also: StrPath | Sequence[StrPath] = (),
    labels: StrPath | Sequence[StrPath] = (),
    weights: StrPath = "imagenet",
    backbone: str = "inception-v3",
    tap: str = "",
    image_size: int = 0,
    resize: Resize = "squash",
    test_percent: float = 15,
    validation_percent: float = 15,
    seed: int = 0,
    augment: int = 0,
    optimizer: Optimizer = "lbfgs",
    learning_rate: float = 0.5,
    steps: int = 4000,
    class_weight: ClassWeight = "none",
    unknown: StrPath | Sequence[StrPath] = (),
    unknown_rate: float = 0.05,
    threads: int | None = None,
    cache: StrPath | None = None,
    progress: ProgressCallback | None = None,
    note: NoteCallback | None = None,
) -> Comparison:
    """Compares float32, float16, dynamic and int8 files of the same head and backbone.

    A head trained on float32 bottlenecks is put on all four backbones, so that the files differ in their numbers only.
    A fifth file is int8 as ``train`` makes it, with a head trained on the bottlenecks of the int8 backbone. No file is
    kept.

    Args:
        photos: A folder with a folder of photos per class.
        also: Further folders with a folder of photos per class.
        labels: CSV or JSON files that list the photos in ``photos`` with their labels, as ``path,label`` or
            ``path,label,split``, or COCO annotations. The folders in ``photos`` are no classes then.
        weights: ``"imagenet"`` (downloaded for Inception-v3, in a pip package for the others), ``"random"``, or the
            path of a weights file.
        backbone: The family of networks that the backbone is cut from: ``"inception-v3"``, or the faster
            ``"efficientnet-lite0"``, ``"efficientnet-lite1"`` and ``"efficientnet-lite2"``.
        tap: The layer that bottlenecks are taken from, or several with ``+`` between them. The family's default
            (``"mixed10"`` or ``"top"``) if empty.
        image_size: The input side in pixels. The family's default (299 for Inception-v3, 224 to 260 for the others) if
            0.
        resize: ``"squash"`` resizes the whole photo to a square, ``"crop"`` takes its central 87.5%.
        test_percent: The share of the photos that only test the files, in percent.
        validation_percent: The share of the photos that choose the regularization and calibrate the scores, in
            percent.
        seed: Shuffles the split and everything else that is drawn.
        augment: The number of variants of each training photo.
        optimizer: ``"lbfgs"`` finds the regularized optimum, ``"sgd"`` is plain gradient descent as in 2015.
        learning_rate: The step size of ``"sgd"``.
        steps: The number of steps of ``"sgd"``, 100 photos each.
        class_weight: ``"balanced"`` makes every class count the same, however many photos it has.
        unknown: A folder of photos that are of none of the classes, or several. The model learns to call such photos
            unknown, like those in a folder ``unknown`` in ``photos``.
        unknown_rate: The share of known photos that may be called unknown so that unknown objects are. 0 for models
            that call nothing unknown.
        threads: The number of cores to use. All of them if None.
        cache: The folder of backbones and bottlenecks. ``$GRAFT_CACHE`` or ``~/.cache/graftkit`` if None.
        progress: Called with the stage, the number of steps done and the number of all steps.
        note: Called with each line that the user should know. The lines go to the logger ``graft_host`` at level INFO
            if None.

    Returns:
        The ``rows``, one for each file, float32 first: accuracy, agreement with float32, size and milliseconds.

    Raises:
        OptionError: An option has a value that it does not take.
        GraftError: The files could not be made. The cache keeps what was computed.

    Examples:
        >>> for row in compare("photos", tap="mixed7").rows:  # doctest: +SKIP
        ...     print(row.quantization, row.accuracy, row.ms)
    """
    return comparison.compare(build(HeadOptions, locals()), _Callbacks(progress, note))


def _paths(paths: StrPath | Sequence[StrPath]) -> tuple[Path, ...]:
    """The paths, of which one may have been given alone."""
    return tuple(map(Path, [paths] if isinstance(paths, (str, os.PathLike)) else paths))


def _shares(prior: Mapping[str, float] | Sequence[str]) -> Sequence[str]:
    """The shares of classes as the command line takes them."""
    return [f"{label}={share!r}" for label, share in prior.items()] if isinstance(prior, Mapping) else prior


class _Callbacks:
    """Passes progress and notes on to functions of the caller."""

    def __init__(self, progress: ProgressCallback | None, note: NoteCallback | None) -> None:
        self._progress = progress
        self._note = note

    def note(self, text: str) -> None:
        """Passes a line on; logs it if nobody receives it."""
        if self._note is None:
            _log.info("%s", text)
        else:
            self._note(text)

    @contextlib.contextmanager
    def progress(self, stage: str, unit: str = "photos") -> Iterator[Progress]:  # noqa: ARG002  for the terminal
        """Passes the steps of a stage on."""
        report = self._progress

        def step(done: int, total: int) -> None:
            if report is not None:
                report(stage, done, total)

        yield step
