"""Inception-v3 (Szegedy et al. 2015, arXiv 1512.00567), the first family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graft_host.backbones.family import Family, WeightsFile, WeightsSource
from graft_host.backbones.inception_v3.convolutions import TAPS
from graft_host.backbones.named_weights import IMAGENET, NamedWeights
from graft_host.support.reporter import Reporter

if TYPE_CHECKING:
    from graft_host.networks.layers import Network
    from graft_host.networks.parameters import Parameters


def _describe(weights: WeightsSource, taps: Sequence[str], side: int) -> Network:
    from graft_host.backbones.inception_v3.layers import describe

    return describe(taps, side, weights.last_pool)


def _read_parameters(weights: WeightsSource, network: Network) -> Mapping[str, Parameters]:
    from graft_host.backbones.inception_v3.weights import read_parameters

    return read_parameters(weights, network)


def _identify(file: WeightsFile) -> WeightsSource:
    from graft_host.backbones.inception_v3.weights import identify

    return identify(FAMILY, file)


def _check_reach(weights: WeightsSource, tap: str) -> None:
    from graft_host.backbones.inception_v3.weights import check_tap

    check_tap(weights, tap)


def _imagenet_path() -> Path:
    from graft_host.backbones.inception_v3.imagenet import imagenet_path

    return imagenet_path()


def _imagenet_file(reporter: Reporter | None) -> Path:
    from graft_host.backbones.inception_v3.imagenet import imagenet_file

    return imagenet_file(reporter)


FAMILY = Family(
    name="inception-v3",
    card_name="inception_v3",
    title="Inception-v3",
    module=__name__,
    taps=TAPS,
    default_tap="mixed10",
    search_taps=("mixed5", "mixed6", "mixed7", "mixed5+mixed6+mixed7"),
    smallest_size=75,  # keras.applications.InceptionV3 takes no smaller input: its strides leave nothing
    default_size=299,
    search_sizes=(150, 192, 224, 299),
    mean=127.5,
    std=127.5,
    describe=_describe,
    read_parameters=_read_parameters,
    named_weights=(
        NamedWeights(
            name=IMAGENET,
            entry="imagenet",
            path=_imagenet_path,
            fetch=_imagenet_file,
            note="downloading the ImageNet weights (88 MB, once)",
            source=(
                "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
                "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
            ),
        ),
    ),
    weights_files="a Keras notop .h5 file or of the 2015 graph (.pb)",
    identify=_identify,
    check_reach=_check_reach,
    keyed=False,
)
