"""``graft``: the command line on the workstation."""

from __future__ import annotations

import importlib.util
import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from graft_device import __version__, console
from graft_device.errors import GateError, GraftError

if TYPE_CHECKING:
    from graft_host.evaluate import Evaluation

if sys.version_info < (3, 10):
    raise SystemExit("error: graft needs Python 3.10 to 3.13; boards with an older one run graft-device")

app = typer.Typer(
    cls=console.EdgeGroup,
    help="Train on your own photos and ship one quantized .tflite to a board.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


_PACKAGES = ("ai_edge_litert", "flatbuffers", "h5py", "scipy", "tensorflow", "threadpoolctl", "tqdm")


class Tap(str, Enum):
    """The values of ``--tap``."""

    MIXED0 = "mixed0"
    MIXED1 = "mixed1"
    MIXED2 = "mixed2"
    MIXED3 = "mixed3"
    MIXED4 = "mixed4"
    MIXED5 = "mixed5"
    MIXED6 = "mixed6"
    MIXED7 = "mixed7"
    MIXED8 = "mixed8"
    MIXED9 = "mixed9"
    MIXED10 = "mixed10"


class Quantization(str, Enum):
    """The values of ``--quantize``."""

    INT8 = "int8"
    DYNAMIC = "dynamic"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Resize(str, Enum):
    """The values of ``--resize``."""

    SQUASH = "squash"
    CROP = "crop"


class Optimizer(str, Enum):
    """The values of ``--optimizer``."""

    LBFGS = "lbfgs"
    SGD = "sgd"


class ClassWeight(str, Enum):
    """The values of ``--class-weight``."""

    NONE = "none"
    BALANCED = "balanced"


class Part(str, Enum):
    """The values of ``--split``."""

    TEST = "test"
    ALL = "all"


JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results and nothing else.")]
CacheOption = Annotated[
    Path | None,
    typer.Option(help="Where backbones and bottlenecks are kept.  [default: $GRAFT_CACHE or ~/.cache/graftkit]"),
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Cores to use; all when not given.")]
PhotosArgument = Annotated[Path, typer.Argument(metavar="PHOTOS", help="A folder with a folder of photos per class.")]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite that 'graft train' wrote.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"graft {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Holds the options that every command shares; ``console`` acts on them."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise GraftError(
            f"the workstation's packages are not installed (no {', '.join(missing)}): "
            'install the kit with its extra, as in: pip install ".[host]"'
        )


@app.command(epilog="Example:  graft train photos/ -o pets.tflite --tap mixed7")
def train(
    photos: PhotosArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    weights: Annotated[
        str,
        typer.Option(
            envvar="GRAFT_WEIGHTS",
            help="imagenet (from Keras's cache, or downloaded), random, or a Keras notop .h5 FILE.",
        ),
    ] = "imagenet",
    tap: Annotated[Tap, typer.Option(help="Layer that bottlenecks are taken from: earlier is faster.")] = Tap.MIXED10,
    image_size: Annotated[int, typer.Option(min=75, help="Input side in pixels: smaller is faster.")] = 299,
    quantize: Annotated[Quantization, typer.Option(help="Numbers in the file.")] = Quantization.INT8,
    resize: Annotated[
        Resize, typer.Option(help="squash the whole photo to a square, or crop its central 87.5%.")
    ] = Resize.SQUASH,
    test_percent: Annotated[float, typer.Option(min=0.1, max=90, help="Share of photos kept to test the file.")] = 15,
    validation_percent: Annotated[
        float, typer.Option(min=0, max=90, help="Share of photos that choose the regularization.")
    ] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Shuffles the split and everything else that is drawn.")] = 0,
    augment: Annotated[int, typer.Option(min=0, max=100, help="Variants of each training photo.")] = 0,
    optimizer: Annotated[
        Optimizer, typer.Option(help="lbfgs: regularized optimum; sgd: plain gradient descent as in 2015.")
    ] = Optimizer.LBFGS,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Of sgd.")] = 0.5,
    steps: Annotated[int, typer.Option(min=1, help="Of sgd, 100 photos each.")] = 4000,
    class_weight: Annotated[
        ClassWeight, typer.Option(help="balanced: every class counts the same, however many photos it has.")
    ] = ClassWeight.NONE,
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Gate: accuracy of the shipped file on the test photos, or exit status 3."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a photo that can't be read.")] = False,
    recalibrate: Annotated[bool, typer.Option("--recalibrate", help="Quantize the backbone anew.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output file.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a folder of folders of photos into one tested .tflite."""
    if not test_percent + validation_percent < 100:  # noqa: PLR2004  percent; refuses nan as well
        raise typer.BadParameter("--test-percent and --validation-percent leave nothing to train on")
    from graft_host.console import TerminalReporter, evaluation_report, train_report
    from graft_host.dataset import SplitRule
    from graft_host.head import Recipe
    from graft_host.pipeline import train as run
    from graft_host.run import TrainOptions

    options = TrainOptions(
        photos=photos, output=output, weights=weights, tap=tap.value, image_size=image_size,
        quantization=quantize.value, resize=resize.value,
        rule=SplitRule(seed, test_percent, validation_percent),
        recipe=Recipe(optimizer.value, class_weight is ClassWeight.BALANCED, seed, learning_rate, steps),
        augment=augment, threads=threads, cache=cache, overwrite=overwrite, recalibrate=recalibrate, strict=strict,
        min_accuracy=min_accuracy,
    )  # fmt: skip
    try:
        result = run(options, TerminalReporter())
    except GateError as refused:
        found = cast("Evaluation", refused.evaluation)
        typer.echo(json.dumps(found.to_json()) if as_json else evaluation_report(found))
        raise
    typer.echo(json.dumps(result.to_json()) if as_json else train_report(result))


@app.command(epilog="Example:  graft evaluate models/pets.tflite photos/")
def evaluate(
    model: ModelArgument,
    photos: PhotosArgument,
    part: Annotated[
        Part, typer.Option("--split", help="test: the photos that training kept aside; all: every photo.")
    ] = Part.TEST,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model file on photos whose class is known."""
    from graft_host.console import TerminalReporter, evaluation_report
    from graft_host.evaluate import evaluate_folder

    result = evaluate_folder(model, photos, part.value, threads, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else evaluation_report(result))


@app.command(epilog="Example:  graft inspect models/pets.tflite")
def inspect(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show a model's labels, card, tensors and operators."""
    from graft_host.console import inspection_report
    from graft_host.inspection import inspect_model

    found = inspect_model(model)
    typer.echo(json.dumps(found) if as_json else inspection_report(found))


@app.command(epilog="Example:  graft demo --folder /tmp/graft-demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Where photos and model go.")] = Path("graft-demo"),
    weights: Annotated[
        str | None,
        typer.Option(envvar="GRAFT_WEIGHTS", help="As in 'graft train'; imagenet if it can be had, else random."),
    ] = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run everything once on photos that the kit renders itself; works with no network."""
    from graft_host.console import TerminalReporter, demo_report
    from graft_host.demo import run_demo

    result = run_demo(folder, weights, cache, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else demo_report(result))


def main() -> None:
    """The entry point of ``graft``."""
    console.run(app)


if __name__ == "__main__":
    main()
