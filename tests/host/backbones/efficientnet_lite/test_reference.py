"""The float networks against Keras's layers at every tap, and the published weights against ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.preprocess import preprocess
from graft_host.backbones.efficientnet_lite.scalings import TAPS
from graft_host.backbones.efficientnet_lite.torch_legacy import read_tensors
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights
from graft_host.networks.float_file import write_float32
from graft_host.networks.rewrites import pools_behind_convolutions
from tests.support.host_data import run_python
from tests.support.networks import largest_error, outputs_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

SIZES = {0: (64, 97, 160, 224, 260), 1: (192, 240), 2: (224, 260)}
"""An odd side is padded otherwise at each stride than an even one."""
CATS, DOGS = range(281, 286), range(151, 269)
"""Classes of ImageNet, sorted by WordNet's numbers: domestic cats, and the breeds of dogs."""
PHOTOS = 150  # of each class

_KERAS = """
import sys
from pathlib import Path
import numpy as np
from tests.host.backbones.efficientnet_lite.test_reference import SIZES, TAPS, published, read_tensors
from tests.support.keras_lite import build

rng = np.random.default_rng(0)
for number, sizes in SIZES.items():
    for size in sizes:
        pixels = rng.uniform(-1, 1, (1, size, size, 3)).astype(np.float32)
        *taps, logits = map(np.asarray, build(number, size, read_tensors(published(number)))(pixels, training=False))
        path = Path(sys.argv[1]) / f"{number}-{size}.npz"
        np.savez(path, pixels=pixels, logits=logits, **dict(zip(TAPS, taps)))
"""


def published(number: int) -> Path:
    path = family(f"efficientnet-lite{number}").named_weights[0].path()
    if not path.is_file():
        pytest.skip(f"the package of EfficientNet-Lite{number} is not installed")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras computes, in a process of its own."""
    for number in SIZES:
        published(number)
    folder = tmp_path_factory.mktemp("keras")
    done = run_python(_KERAS, folder)
    assert done.returncode == 0, done.stderr
    return folder


def _network(number: int, size: int, *, everywhere: bool) -> bytes:
    """The float file of all taps: all their positions, or the bottlenecks."""
    source = find_weights("imagenet", family=family(f"efficientnet-lite{number}"))
    network = source.family.describe(source, TAPS, size)
    parameters = source.family.read_parameters(source, network)
    return write_float32(pools_behind_convolutions(network.with_outputs(TAPS) if everywhere else network), parameters)


@pytest.mark.parametrize(("number", "size"), [(number, size) for number, sizes in SIZES.items() for size in sizes])
def test_every_tap_is_that_of_keras(folder: Path, number: int, size: int) -> None:
    with np.load(folder / f"{number}-{size}.npz") as archive:
        expected = dict(archive)
    positions = outputs_of(_network(number, size, everywhere=True), expected["pixels"])
    for tap, computed in zip(TAPS, positions, strict=True):
        assert expected[tap].std() > 0
        assert computed.shape == expected[tap].shape
        assert largest_error(computed, expected[tap]) <= 1e-4, tap
    means = outputs_of(_network(number, size, everywhere=False), expected["pixels"])
    for tap, computed in zip(TAPS, means, strict=True):
        assert largest_error(computed, expected[tap].mean((1, 2))) <= 1e-4, tap
    tensors = read_tensors(published(number))
    logits = means[-1] @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    assert largest_error(logits, expected["logits"]) <= 1e-4


def _imagenet_classes(number: int, photos: list[Path]) -> NDArray[np.int64]:
    """What the published network with its own classifier names squashed photos."""
    lite = family(f"efficientnet-lite{number}")
    pixels = np.stack([preprocess(path, lite.default_size, "squash") for path in photos])
    scaled = ((pixels - np.float32(lite.mean)) / np.float32(lite.std)).astype(np.float32)
    source = find_weights("imagenet", family=lite)
    network = source.family.describe(source, ["top"], lite.default_size)
    file = write_float32(network, source.family.read_parameters(source, network))
    tensors: dict[str, Any] = read_tensors(published(number))
    tops = np.concatenate([outputs_of(file, each[np.newaxis])[0] for each in scaled])
    return np.asarray((tops @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax(1))


@pytest.mark.parametrize(("number", "least"), [(0, 0.82), (1, 0.85), (2, 0.88)])
def test_cats_and_dogs_are_named_as_imagenet_names_them(number: int, least: float, cats_and_dogs: Path) -> None:
    """89, 88 and 91% when this was written. The packages say that their conversion was hardly tested."""
    published(number)
    right = 0
    for animal, classes in (("cats", CATS), ("dogs", DOGS)):
        photos = sorted((cats_and_dogs / animal).iterdir())[:PHOTOS]
        assert len(photos) == PHOTOS
        right += int(np.isin(_imagenet_classes(number, photos), list(classes)).sum())
    assert right / (2 * PHOTOS) >= least, right
