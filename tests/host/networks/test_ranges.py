"""The ranges of layers against numpy, whatever the number of threads."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.ranges import LayerRange, joined, measure
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.networks.scaling import Scaling
from tests.support.background import start_python
from tests.support.host_data import photos_in
from tests.support.networks import branched, compute, mobile, random_parameters, unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft_host.networks.layers import Network

SCALING = Scaling(100, 50)


def photos(side: int, count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(30, 220, (count, side, side, 3), np.uint8)


# Kernels of 1,024 numbers and more are int8 while ranges are measured; `mobile` has none.
@pytest.mark.parametrize(("made", "error"), [(branched, 0.02), (mobile, 1e-6)])
def test_ranges_are_those_of_the_layers(made: Callable[[int], Network], error: float) -> None:
    network = pools_behind_convolutions(made(33))
    parameters = random_parameters(network)
    pixels = photos(33, 7)
    measured = measure(network, parameters, pixels, SCALING, 2, unwatched)
    assert set(measured) == {layer.name for layer in network.layers}
    every = [compute(network, parameters, (photo - 100.0) / 50) for photo in pixels]
    for layer in network.layers[1:]:
        values = np.stack([computed[layer.name].reshape(-1, layer.shape[-1]) for computed in every])
        size = np.abs(values).max()
        seen = measured[layer.name]
        assert np.allclose(seen.least, np.minimum(values.min((0, 1)), 0), atol=error * size), layer.name
        assert np.allclose(seen.greatest, np.maximum(values.max((0, 1)), 0), atol=error * size), layer.name
        assert np.allclose(seen.means, values.mean((0, 1)), atol=error * size), layer.name


def test_pixels_reach_from_black_to_white_whatever_the_photos_show() -> None:
    network = branched(33)
    pixels = photos(33, 4)
    seen = measure(network, random_parameters(network), pixels, SCALING, 1, unwatched)["pixels"]
    assert np.allclose(np.stack([seen.least, seen.greatest]), np.array([[-2] * 3, [3.1] * 3]))
    assert np.allclose(seen.means, (pixels.mean((0, 1, 2)) - 100) / 50)


def test_extremes_of_any_photo_count() -> None:
    builder = NetworkBuilder(8)
    network = builder.finish([builder.convolution("layer", builder.pixels, 2, (1, 1))])
    parameters = random_parameters(network)
    grey = np.full((5, 8, 8, 3), 100, np.uint8)
    for place in range(5):
        pixels = grey.copy()
        pixels[place, 3, 4] = (255, 0, 255)
        seen = measure(network, parameters, pixels, SCALING, 2, unwatched)["layer"]
        extreme = compute(network, parameters, (pixels[place] - 100.0) / 50)["layer"]
        assert np.min(seen.least) == pytest.approx(min(0, extreme.min()), abs=1e-6)
        assert np.max(seen.greatest) == pytest.approx(max(0, extreme.max()), abs=1e-6)


def test_the_number_of_threads_changes_nothing() -> None:
    network = pools_behind_convolutions(branched(48))
    parameters = random_parameters(network)
    pixels = photos(48, 9)
    first = measure(network, parameters, pixels, SCALING, 1, unwatched)
    for threads in (2, 5, 20):
        again = measure(network, parameters, pixels, SCALING, threads, unwatched)
        assert list(again) == list(first)
        for name, seen in again.items():
            assert np.array_equal(seen.least, first[name].least)
            assert np.array_equal(seen.greatest, first[name].greatest)
            assert np.array_equal(seen.means, first[name].means)


def test_progress_counts_photos() -> None:
    network = branched(33)
    calls: list[tuple[int, int]] = []
    measure(network, random_parameters(network), photos(33, 5), SCALING, 3, lambda *call: calls.append(call))
    assert calls == [(done, 5) for done in range(1, 6)]


def test_a_join_has_the_ranges_of_its_parts() -> None:
    network = branched(33)
    measured = measure(network, random_parameters(network), photos(33, 3), SCALING, 1, unwatched)
    parts = [measured[name] for name in network["first"].inputs]
    assert np.min(measured["first"].least) == min(np.min(part.least) for part in parts)
    assert np.max(measured["first"].greatest) == max(np.max(part.greatest) for part in parts)
    assert np.array_equal(measured["first"].means, np.concatenate([part.means for part in parts]))
    assert isinstance(joined(parts), LayerRange)


def test_no_photos() -> None:
    network = branched(33)
    with pytest.raises(ExportError, match="there is no photo to measure"):
        measure(network, random_parameters(network), photos(33, 0), SCALING, 1, unwatched)


def test_an_error_of_progress_ends_it_and_no_file_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    network = branched(33)

    def stop(done: int, total: int) -> None:
        assert list(tmp_path.iterdir()) == []
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        measure(network, random_parameters(network), photos(33, 20), SCALING, 2, stop)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_it_in_the_middle_and_leaves_no_file(tmp_path: Path) -> None:
    code = """
import sys, tempfile
import numpy as np
from graft_host.networks.ranges import measure
from graft_host.networks.scaling import Scaling
from tests.support.networks import branched, random_parameters
tempfile.tempdir = sys.argv[1]
network = branched(99)
photos = np.broadcast_to(np.uint8(0), (100_000, 99, 99, 3))
def progress(done, total):
    if done <= 3:
        print(done, flush=True)
try:
    measure(network, random_parameters(network), photos, Scaling(100, 50), 2, progress)
except KeyboardInterrupt:
    print("interrupted")
"""
    with start_python(code, tmp_path) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line == "3\n":
                break
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=60)
    assert output == "interrupted\n"
    assert run.returncode == 0
    assert list(tmp_path.iterdir()) == []


_QUANTIZE = """
import os, signal, sys, threading, time
from pathlib import Path
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
from tests.support.host_data import photo
folder = Path(sys.argv[1])
photos = [photo(path, index % 2) for index, path in enumerate(sorted(folder.glob("*.png")))]
spec = BackboneSpec(weights=find_weights("random"), tap="mixed2", image_size=299, quantization="int8", resize="squash")
def progress(done, total):
    print(done, total, flush=True)
    if done == 2:  # at once, but while the next photos run
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
    if done == 12:  # the signal comes by then, however busy the machine is
        time.sleep(60)
try:
    quantized_backbone(spec, photos, folder / "cache", 2, progress=progress)
except KeyboardInterrupt:
    sys.exit(3)  # not a line of output: the signal may come in the middle of a printed one
"""


def test_ctrl_c_waits_for_the_photos_that_are_running_and_caches_nothing(tmp_path: Path) -> None:
    photos_in(tmp_path, 32)
    with start_python(_QUANTIZE, tmp_path) as run:
        assert run.stdout is not None
        lines = run.stdout.readlines()
    assert run.returncode == 3
    assert len(lines) <= 12  # of 33
    assert list((tmp_path / "cache" / "backbones").iterdir()) == []
