"""The warning that milliseconds of depthwise layers under tflite-runtime on x86 say little about boards."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft_device.bench.depthwise import has_depthwise, slow_depthwise
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Float networks of a family with depthwise layers and of one without."""
    folder, written = tmp_path_factory.mktemp("networks"), {}
    for name, tap, side in (("efficientnet-lite0", "expand3", 64), ("inception-v3", "mixed0", 75)):
        (data,) = convert(find_weights("random", 0, family(name)), [tap], side, "float32", None, 1, None)
        written[name] = folder / f"{name}.tflite"
        written[name].write_bytes(data)
    return written


def test_depthwise_layers_are_found_in_the_file(files: dict[str, Path]) -> None:
    assert has_depthwise(files["efficientnet-lite0"].read_bytes())
    assert not has_depthwise(files["inception-v3"].read_bytes())


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\xff" * 64, bytes(64)])
def test_what_is_no_network_has_none(data: bytes) -> None:
    assert not has_depthwise(data)


@pytest.mark.parametrize(
    ("names", "runtime", "machine", "warned"),
    [
        (["inception-v3", "efficientnet-lite0"], "tflite-runtime", "x86_64", True),
        (["efficientnet-lite0"], "tflite-runtime", "AMD64", True),
        (["efficientnet-lite0"], "tflite-runtime", "aarch64", False),
        (["efficientnet-lite0"], "litert", "x86_64", False),
        (["inception-v3"], "tflite-runtime", "x86_64", False),
    ],
)
def test_tflite_runtime_on_x86_is_warned_of(
    files: dict[str, Path], names: list[str], runtime: str, machine: str, warned: bool
) -> None:
    lines = slow_depthwise([files[name] for name in names], runtime, machine)
    assert [line.startswith("tflite-runtime is slow at depthwise layers on x86") for line in lines] == [True] * warned
