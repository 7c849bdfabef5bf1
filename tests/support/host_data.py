"""Shared by the tests of the host: photos, a backbone without TensorFlow, a full disk, and another user."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.inception_v3.layer_weights import ConvWeights
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import Photo
from graft_host.support import flatbuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

_ROOT = Path(__file__).parents[2]
REAL_WEIGHTS = _ROOT.parent / "shared" / "weights" / "inception_v3_2015_mixed8_notop.h5"
needs_real_weights = pytest.mark.skipif(not REAL_WEIGHTS.is_file(), reason=f"{REAL_WEIGHTS} is not here")

# Inception-v3's convolutions up to mixed0 in the order in which Keras creates them; from the paper's tables.
MIXED0_SHAPES: list[tuple[int, ...]] = [
    (3, 3, 3, 32), (3, 3, 32, 32), (3, 3, 32, 64), (1, 1, 64, 80), (3, 3, 80, 192),
    (1, 1, 192, 64), (1, 1, 192, 48), (5, 5, 48, 64), (1, 1, 192, 64), (3, 3, 64, 96), (3, 3, 96, 96), (1, 1, 192, 32),
]  # fmt: skip

BACKBONE_SIZE = 24
BACKBONE_FEATURES = 8


def image(seed: int, width: int = 40, height: int = 40) -> Image.Image:
    """Patches of random colours, which compress well; every seed gives different contents."""
    patches = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)


def image_bytes(seed: int, kind: str = "PNG", **size: int) -> bytes:
    """The bytes of an image file."""
    buffer = BytesIO()
    image(seed, **size).save(buffer, kind)
    return buffer.getvalue()


def write_photos(root: Path, classes: Sequence[str] = ("cats", "dogs"), count: int = 6, first: int = 0) -> Path:
    """Writes ``count`` PNGs per class; all are different, and differ from those with other values of ``first``."""
    for number, name in enumerate(classes):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(first, first + count):
            (folder / f"{index:04}.png").write_bytes(image_bytes(1_000_000 * number + index))
    return root


def photo(path: Path, label: int = 0) -> Photo:
    """A photo as ``scan`` would describe it."""
    return Photo(path=path, label=label, digest=hashlib.sha256(path.read_bytes()).hexdigest())


def photos_in(folder: Path, count: int) -> list[Photo]:
    """Writes photos of two classes in turn into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = []
    for index in range(count):
        path = folder / f"{index:04}.png"
        write_whole(path, image_bytes(index))
        photos.append(photo(path, index % 2))
    return photos


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that other processes may read or write at the same time; they always see a complete file."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as partial:
        partial.write(data)
    os.replace(partial.name, path)  # noqa: PTH105


def handmade_backbone(folder: Path, resize: str = "squash", seed: int = 0) -> Backbone:
    """A quantized network of a convolution and a mean, built in milliseconds, for the real interpreter."""
    data = _handmade_network(seed)
    fingerprint = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{fingerprint}.tflite"
    write_whole(path, data)
    weights = find_weights("random", seed)
    return Backbone(
        spec=BackboneSpec(weights=weights, tap="mixed0", image_size=BACKBONE_SIZE, quantization="int8", resize=resize),
        path=path,
        fingerprint=fingerprint,
        reused=False,
    )


def _handmade_network(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    kinds, operators, options = schema.TensorType, schema.BuiltinOperator, schema.BuiltinOptions
    half, features = BACKBONE_SIZE // 2, BACKBONE_FEATURES
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    model = schema.ModelT()
    model.version, model.description = 3, b"for tests"
    model.buffers, model.operatorCodes, model.subgraphs = [schema.BufferT()], [], [graph]

    def tensor(kind: int, shape: Sequence[int], scale: float, zero: int = 0, data: NDArray[Any] | None = None) -> int:
        entry = schema.TensorT()
        entry.name, entry.shape, entry.type = f"t{len(graph.tensors)}".encode(), np.array(shape, np.int32), kind
        entry.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            model.buffers.append(buffer)
            entry.buffer = len(model.buffers) - 1
        if scale:
            entry.quantization = schema.QuantizationParametersT()
            entry.quantization.scale = np.array([scale], np.float32)
            entry.quantization.zeroPoint = np.array([zero], np.int64)
        graph.tensors.append(entry)
        return len(graph.tensors) - 1

    def operator(code: int, version: int, inputs: list[int], output: int, kind: int, details: Any) -> None:
        entry = schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code
        entry.version = version
        model.operatorCodes.append(entry)
        step = schema.OperatorT()
        step.opcodeIndex = len(model.operatorCodes) - 1
        step.inputs, step.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        step.builtinOptionsType, step.builtinOptions = kind, details
        graph.operators.append(step)

    image_in = tensor(kinds.UINT8, [1, BACKBONE_SIZE, BACKBONE_SIZE, 3], 1 / 127.5, 128)
    pixels = tensor(kinds.INT8, [1, BACKBONE_SIZE, BACKBONE_SIZE, 3], 1 / 127.5, 0)
    kernel = tensor(
        kinds.INT8, [features, 3, 3, 3], 0.01, 0, rng.integers(-127, 128, (features, 3, 3, 3), dtype=np.int8)
    )
    bias = tensor(kinds.INT32, [features], 0.01 / 127.5, 0, np.zeros(features, np.int32))
    maps = tensor(kinds.INT8, [1, half, half, features], 0.03, -128)
    axes = tensor(kinds.INT32, [2], 0, 0, np.array([1, 2], np.int32))
    output = tensor(kinds.INT8, [1, features], 0.02, -128)
    convolution = schema.Conv2DOptionsT()
    convolution.padding, convolution.strideH, convolution.strideW = schema.Padding.SAME, 2, 2
    convolution.dilationHFactor = convolution.dilationWFactor = 1
    convolution.fusedActivationFunction = schema.ActivationFunctionType.RELU
    operator(operators.QUANTIZE, 1, [image_in], pixels, options.QuantizeOptions, schema.QuantizeOptionsT())
    operator(operators.CONV_2D, 3, [pixels, kernel, bias], maps, options.Conv2DOptions, convolution)
    operator(operators.MEAN, 2, [maps, axes], output, options.ReducerOptions, schema.ReducerOptionsT())
    graph.inputs, graph.outputs = np.array([image_in], np.int32), np.array([output], np.int32)
    return flatbuffer.pack(model)


def random_layers(count: int = len(MIXED0_SHAPES), seed: int = 0) -> list[ConvWeights]:
    """Layers whose arrays are all different; those beyond mixed0 have a single number."""
    rng = np.random.default_rng(seed)
    layers = []
    for index in range(count):
        shape = MIXED0_SHAPES[index] if index < len(MIXED0_SHAPES) else (1, 1, 1, 1)
        vectors = (rng.normal(size=shape[3]).astype(np.float32) for _ in range(3))
        beta, mean, variance = vectors
        layers.append(ConvWeights(rng.normal(size=shape).astype(np.float32), beta, mean, np.abs(variance)))
    return layers


def layer_name(kind: str, index: int) -> str:
    """The names of layers in a new Keras session: conv2d, conv2d_1, …"""
    return f"{kind}_{index}" if index else kind


def write_h5(
    path: Path,
    layers: Sequence[ConvWeights],
    first: int = 1,
    order: Sequence[int] | None = None,
    change: Callable[[h5py.File], None] | None = None,
    userblock_size: int = 0,
) -> Path:
    """Writes Keras's notop layout; ``first`` is 1 in the official files, ``order`` is the order of ``layer_names``."""
    names = [b"input_1"]
    with h5py.File(path, "w", userblock_size=userblock_size) as file:
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for index in order if order is not None else range(len(layers)):
            layer = layers[index]
            conv, norm = layer_name("conv2d", first + index), layer_name("batch_normalization", first + index)
            for name, arrays in (
                (conv, {"kernel": layer.kernel}),
                (norm, {"beta": layer.beta, "moving_mean": layer.mean, "moving_variance": layer.variance}),
            ):
                group = file.create_group(name)
                group.attrs["weight_names"] = [f"{name}/{key}:0".encode() for key in arrays]
                for key, array in arrays.items():
                    group[f"{name}/{key}:0"] = array
                names.append(name.encode())
        file.attrs["layer_names"] = names
        if change:
            change(file)
    return path


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user can access, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="graft-test-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o777)
        shutil.rmtree(folder)


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Runs the block as a user without special permissions: root becomes nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.setresgid(65534, 65534, 0)
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def python_environment() -> dict[str, str]:
    """The environment of this process, with the modules of the tests on the path."""
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run_python(code: str, *args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a separate process."""
    command = [sys.executable, "-c", code, *map(str, args)]
    environment = {**python_environment(), **options.pop("env", {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment, **options)


def run_on_small_disk(kibibytes: int, code: str, *args: object) -> str:
    """Runs Python code whose ``sys.argv[1]`` is a disk of the given KiB; returns its output, or skips the test."""
    unshare = ["unshare", *(["--map-root-user"] if os.geteuid() else []), "--mount"]
    with tempfile.TemporaryDirectory(prefix="graft-test-") as disk:
        script = 'mount -t tmpfs -o size="$1k" tmpfs "$2" && shift && echo mounted && exec "$PYTHON" -c "$CODE" "$@"'
        try:
            done = subprocess.run(
                [*unshare, "sh", "-c", script, "sh", str(kibibytes), disk, *map(str, args)],
                env={**python_environment(), "PYTHON": sys.executable, "CODE": code},
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            pytest.skip("needs unshare to mount a small disk")
    mounted, _, output = done.stdout.partition("\n")
    if mounted != "mounted":
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return output
