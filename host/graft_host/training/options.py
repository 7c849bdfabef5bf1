"""The options of a training run: each is declared here, or in the split rule and the recipe, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from graft_host.backbones.family import BackboneError, Family
from graft_host.backbones.readouts import AUTO, READOUTS, SINGLE, ReadoutKind
from graft_host.backbones.registry import DEFAULT
from graft_host.backbones.registry import family as known_family
from graft_host.backbones.taps import layer_of
from graft_host.backbones.weights.find import RANDOM
from graft_host.fine_tuning.options import FineTuneOptions
from graft_host.heads.recipe import Recipe
from graft_host.photos.given.options import GivenOptions
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.split_rule import SplitRule
from graft_host.prospects.options import ProspectOptions
from graft_host.samples.options import SampleOptions
from graft_host.support.option import Option, OptionError

Quantization = Literal["int8", "dynamic", "float16", "float32"]
Resize = Literal["squash", "crop"]

PHOTOS = Option(
    argument=True,
    help="A folder with a folder of photos per class, or with train/, val/ and test/ that hold such folders; a .zip or "
    ".tar of one is unpacked into the cache.",
)
THREADS = Option(group="Run", low=1, help="Cores to use.", default="all")
CACHE = Option(
    group="Run", help="Where backbones and bottlenecks are kept.", default="$GRAFT_CACHE or ~/.cache/graftkit"
)

_USUAL = known_family(DEFAULT)


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """What a head is made from, and how.

    Attributes:
        photos: a folder with a folder of photos per class.
        weights: ``imagenet``, ``random``, or the path of a weights file.
        backbone: the name of a family.
        tap: the layer that bottlenecks are taken from, or several with ``+`` between them; the family's default where
            empty.
        image_size: the input side in pixels; the family's default where 0.
        quantize: the numbers in the file.
        resize: ``squash`` or ``crop``.
        given: where photos are besides ``photos``.
        rule: divides the photos.
        augment: the number of variants of each training photo.
        samples: photos from elsewhere.
        recipe: of the head.
        unknown: folders of photos that are of none of the classes, beside those called ``unknown`` in ``photos``.
        unknown_rate: the share of known photos that may be called unknown; 0 for none.
        strict: whether a photo that cannot be read is an error.
        recalibrate: whether a cached backbone is quantized again.
        threads: the number of cores to use; all when None.
        cache: the folder of backbones and bottlenecks; the usual one when None.

    Raises:
        OptionError: there is no such backbone, it has no such tap or image size, or the split leaves no photos to
            train on.
    """

    photos: Annotated[Path, PHOTOS]
    weights: Annotated[
        str,
        Option(
            group="Network",
            envvar="GRAFT_WEIGHTS",
            help="imagenet (downloaded for inception-v3, in a pip package for the others), random, or a FILE: Keras "
            "notop .h5, the .pb of 2015, or the .pth of a pip package.",
        ),
    ] = "imagenet"
    backbone: Annotated[
        str,
        Option(
            group="Network",
            help=f"Family of networks that the backbone is cut from: {DEFAULT}, or the faster "
            "efficientnet-lite0, -lite1 and -lite2.",
        ),
    ] = DEFAULT
    tap: Annotated[
        str,
        Option(
            group="Network",
            help=f"Layer that bottlenecks are taken from, {_USUAL.taps[0]} to {_USUAL.taps[-1]} for {DEFAULT}, "
            "expand3 to top for the others: earlier is faster. A+B+C puts those of several side by side; "
            "A/2x2 takes the means of the four quarters of A, which know where something is.",
            default=f"{_USUAL.default_tap} for {DEFAULT}, top for the others",
        ),
    ] = ""
    image_size: Annotated[
        int,
        Option(
            group="Network",
            help=f"Input side in pixels, {_USUAL.smallest_size} (for the others 64) to {_USUAL.largest_size}: smaller "
            "is faster.",
            default=f"{_USUAL.default_size} for {DEFAULT}, 224, 240 and 260 for the others",
        ),
    ] = 0
    quantize: Annotated[Quantization, Option(group="Network", help="Number format in the file.")] = "int8"
    resize: Annotated[
        Resize, Option(group="Network", help="squash the whole photo to a square, or crop its central 87.5%.")
    ] = "squash"
    given: GivenOptions = field(default_factory=GivenOptions)
    rule: SplitRule = field(default_factory=SplitRule)
    augment: Annotated[int, Option(group="Photos", low=0, high=100, help="Variants of each training photo.")] = 0
    samples: SampleOptions = field(default_factory=SampleOptions)
    recipe: Recipe = field(default_factory=Recipe)
    unknown: Annotated[
        tuple[Path, ...],
        Option(
            group="Photos",
            help="A folder of photos that are of none of the classes, which the model learns to call unknown, like "
            "those in a folder called unknown in PHOTOS. May be given several times.",
        ),
    ] = ()
    unknown_rate: Annotated[
        float,
        Option(
            group="Head",
            low=0,
            high=0.5,
            help="Largest share of known photos that may be called unknown; 0: never call any unknown.",
        ),
    ] = 0.05
    strict: Annotated[bool, Option(group="Photos", help="Fail on a photo that can't be read.")] = False
    recalibrate: Annotated[bool, Option(group="Network", help="Quantize the backbone again, even if it is cached.")] = (
        False
    )
    threads: Annotated[int | None, THREADS] = None
    cache: Annotated[Path | None, CACHE] = None

    def __post_init__(self) -> None:
        """Fills in what depends on the family, and checks what depends on two options."""
        check_option("--backbone", known_family, self.backbone)
        object.__setattr__(self, "tap", self.tap or self.family.default_tap)
        object.__setattr__(self, "image_size", self.image_size or self.family.default_size)
        check_option("--tap", self.family.taps_of, self.tap)
        object.__setattr__(self, "tap", self.family.ordered(self.tap))
        check_option("--image-size", self.family.check_size, self.image_size)
        if not self.rule.test_percent + self.rule.validation_percent < 100:  # noqa: PLR2004  percent
            raise OptionError("--test-percent and --validation-percent leave nothing to train on")
        if self.unknown and not self.unknown_rate:
            raise OptionError(
                "--unknown-rate 0 calls no photo unknown", "give one of the two options", option="--unknown"
            )

    @property
    def family(self) -> Family:
        """The family of the backbone."""
        return known_family(self.backbone)

    @property
    def places(self) -> PhotoPlaces:
        """Where the photos are."""
        unknown = self.unknown if self.unknown_rate > 0 else None
        return PhotoPlaces(
            root=self.photos, also=self.given.also, labels=self.given.labels, cache=self.cache, unknown=unknown
        )

    @property
    def check_command(self) -> str:
        """The command that lists what is wrong with the photos, as seen by the same family."""
        family = "" if self.backbone == DEFAULT else f" --backbone {self.backbone}"
        return f"graft check {self.places.arguments}{family}"


@dataclass(frozen=True, kw_only=True)
class CheckOptions(HeadOptions):
    """What ``graft check`` takes.

    Attributes:
        prospects: what is asked besides what is wrong with the photos.
    """

    prospects: ProspectOptions = field(default_factory=ProspectOptions)


@dataclass(frozen=True, kw_only=True)
class TrainOptions(HeadOptions):
    """What ``graft train`` takes.

    Attributes:
        output: the ``.tflite`` to write.
        min_accuracy: the least accuracy of the file on the test photos; any when None.
        max_drop: how much less accurate than float32 the file may be; any when None.
        readout: how it is chosen what the head reads; what ``tap`` names is then the deepest tap that may be read.
            ``auto`` when None, but ``single`` where a tap is given, weights are random, or ``optimizer`` is ``sgd``.
        not_worse_than: the older ``.tflite`` that the file may not be worse than; none when None.
        golden_from: further ``.tflite`` files whose golden photos the file must name as they do.
        keep_rejected: whether a file that failed a gate is kept beside ``output``.
        report: the page to write; none when None.
        fine_tuning: whether the last layers of the backbone may be trained.
        golden: whether test photos are put into the file for the board's self-test.
        memory: whether the file remembers the bottlenecks of its photos, so that a board can learn with them.
        overwrite: whether an earlier model or report is replaced.
    """

    output: Annotated[Path, Option(short="-o", after="photos", help="The .tflite to write.")]
    min_accuracy: Annotated[
        float | None,
        Option(
            group="Gates and report",
            low=0,
            high=1,
            after="class_weight",
            help="Gate: least accuracy of the shipped file on the test photos; below it, exit status 3.",
        ),
    ] = None
    max_drop: Annotated[
        float | None,
        Option(
            group="Gates and report",
            low=0,
            high=1,
            after="min_accuracy",
            help="Gate: largest drop in accuracy against float32; above it, exit status 3.",
        ),
    ] = None
    not_worse_than: Annotated[
        Path | None,
        Option(
            group="Gates and report",
            after="max_drop",
            help="Gate: an older .tflite that the new one may not be worse than, on test photos that neither was "
            "trained on and on golden photos; exit status 3 if it is.",
        ),
    ] = None
    golden_from: Annotated[
        tuple[Path, ...],
        Option(
            group="Gates and report",
            after="not_worse_than",
            help="Another .tflite, such as that of a board, whose golden photos the new one must name as it does. May "
            "be given several times.",
        ),
    ] = ()
    keep_rejected: Annotated[
        bool,
        Option(
            group="Gates and report",
            after="golden_from",
            help="Keep a file that failed a gate, as OUT.rejected.tflite.",
        ),
    ] = False
    report: Annotated[
        Path | None,
        Option(
            group="Gates and report", after="unknown_rate", help="Write an HTML report about the model to this file."
        ),
    ] = None
    fine_tuning: FineTuneOptions = field(default_factory=FineTuneOptions)
    golden: Annotated[
        bool,
        Option(
            group="Gates and report", after="report", help="Put no test photos into the file for the board's self-test."
        ),
    ] = True
    memory: Annotated[
        bool,
        Option(
            group="Gates and report",
            after="golden",
            help="Put no bottlenecks of photos into the file, only the mean of each class: a board then learns a "
            "new class less well, and cannot correct one.",
        ),
    ] = True
    readout: Annotated[
        ReadoutKind | None,
        Option(
            group="Network",
            after="tap",
            choices=READOUTS,
            help="What the head reads: auto chooses by cross-validation among single taps up to --tap, several taps "
            "side by side (multi), and the means of the four quarters of taps (grid).",
            default="auto; single if --tap, --weights random or --optimizer sgd is given",
        ),
    ] = None
    overwrite: Annotated[bool, Option(after="recalibrate", help="Replace an earlier model or report.")] = False

    def __post_init__(self) -> None:
        """Fills in the readout, and checks that it and the tap are not both chosen, and what can be fine-tuned."""
        fixed = bool(self.tap) or self.weights == RANDOM or self.recipe.optimizer != "lbfgs"
        object.__setattr__(self, "readout", self.readout or (SINGLE if fixed else AUTO))
        super().__post_init__()
        deepest = self.family.taps_of(self.tap)[-1]
        if self.readout != SINGLE and self.tap != layer_of(deepest):
            raise OptionError(
                f"--tap {self.tap} says what the head reads",
                f"leave out --readout, or name the deepest tap alone, as in --tap {layer_of(deepest)}",
                option="--readout",
            )
        if self.golden_from and self.not_worse_than is None:
            raise OptionError(
                "golden photos belong to a comparison", "give --not-worse-than OLD.tflite too", option="--golden-from"
            )
        self.fine_tuning.check(self.quantize, self.recipe.optimizer, self.weights, self.max_drop)


def check_option(option: str, check: Callable[[Any], object], value: object) -> None:
    """Lets a family check a value.

    Args:
        option: the name on the command line.
        check: raises BackboneError if the family does not take the value.
        value: of the option.

    Raises:
        OptionError: the family does not take the value.
    """
    try:
        check(value)
    except BackboneError as error:
        raise OptionError(error.what, error.remedy, option=option) from error
