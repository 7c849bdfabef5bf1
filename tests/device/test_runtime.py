from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import graft_device
from graft_device.errors import ModelError
from graft_device.runtime import RUNTIMES, TensorSpec, installed_runtimes, open_model
from graft_device.runtime_packages import install_line, this_machine
from graft_device.system.machine import usable_cores
from graft_host.support import flatbuffer
from tests.support.device_models import SIZE, network

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEVICE = Path(graft_device.__file__).resolve().parents[1]
MODULES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}

# tflite-runtime ends at Python 3.11; LiteRT comes with the host, so it is always there.
needs_tflite_runtime = pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is None, reason="tflite-runtime is not installed"
)
each_runtime = pytest.mark.parametrize(
    "runtime", ["litert", pytest.param("tflite-runtime", marks=needs_tflite_runtime)]
)
each_kind = pytest.mark.parametrize("kind", ["int8", "float32"])

LITERT_LINE = "python3 -m pip install ai-edge-litert"
TFLITE_RUNTIME_LINE = 'python3 -m pip install "tflite-runtime==2.14.0" "numpy<2"'


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("networks")
    for kind in ("int8", "float32"):
        (folder / kind).write_bytes(network(kind))
    return {kind: folder / kind for kind in ("int8", "float32")}


def frame(kind: str, seed: int = 0) -> NDArray[Any]:
    pixels = np.random.default_rng(seed).integers(0, 256, (1, SIZE, SIZE, 3)).astype(np.uint8)
    pixels[..., seed % 3] |= 0xC0
    return pixels if kind == "int8" else (pixels.astype(np.float32) - 127.5) / 127.5


@each_runtime
def test_what_the_tensors_are(runtime: str, models: dict[str, Path]) -> None:
    runner = open_model(models["int8"], runtime)
    assert runner.runtime == runtime
    assert runner.input == TensorSpec((1, SIZE, SIZE, 3), np.dtype(np.uint8), 1.0, 0)
    assert runner.output == TensorSpec((1, 3), np.dtype(np.float32), 0.0, 0)
    runner = open_model(models["float32"], runtime)
    assert runner.input == TensorSpec((1, SIZE, SIZE, 3), np.dtype(np.float32), 0.0, 0)
    assert runner.output == TensorSpec((1, 3), np.dtype(np.float32), 0.0, 0)


@needs_tflite_runtime
@each_kind
def test_both_runtimes_agree(kind: str, models: dict[str, Path]) -> None:
    litert, tflite_runtime = (open_model(models[kind], runtime) for runtime in RUNTIMES)
    for seed in range(6):
        ours, theirs = litert(frame(kind, seed)), tflite_runtime(frame(kind, seed))
        assert ours.dtype == theirs.dtype
        assert ours.argmax() == theirs.argmax() == seed % 3
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), atol=2 / 256 if kind == "int8" else 1e-4)


@each_runtime
def test_a_result_is_not_overwritten_by_the_next(runtime: str, models: dict[str, Path]) -> None:
    runner = open_model(models["int8"], runtime)
    first = runner(frame("int8", 0))
    kept = first.copy()
    assert (runner(frame("int8", 1)) != first).any()
    np.testing.assert_array_equal(first, kept)


def test_auto_prefers_litert(models: dict[str, Path]) -> None:
    assert open_model(models["int8"]).runtime == "litert"
    assert installed_runtimes()[0] == "litert"


def test_a_runtime_that_there_is_not(models: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="unknown runtime 'tvm'; choose auto, litert, tflite-runtime"):
        open_model(models["int8"], "tvm")


# Files that can't be run


def reason(path: Path, runtime: str) -> str:
    """Why a file can't be opened: one line that names it."""
    with pytest.raises(ModelError) as caught:
        open_model(path, runtime)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert str(path) in text
    return text


@each_runtime
def test_networks_cut_short(runtime: str, tmp_path: Path) -> None:
    data, path = network(), tmp_path / "cut.tflite"
    for length in (0, 1, 8, len(data) // 3, len(data) // 2, len(data) - 40):
        path.write_bytes(data[:length])
        assert "cut short, or not a model" in reason(path, runtime)


@each_runtime
def test_garbage_missing_and_folder(runtime: str, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"garbage " * 100)
    assert f"cannot be opened by {runtime}" in reason(tmp_path / "garbage", runtime)
    assert "no such model file" in reason(tmp_path / "missing", runtime)
    assert "no such model file" in reason(tmp_path, runtime)


@each_runtime
def test_more_than_one_output(runtime: str, tmp_path: Path) -> None:
    model = flatbuffer.unpack(network(), "the network")
    graph = model.subgraphs[0]
    graph.outputs = np.array([graph.outputs[0], graph.outputs[0] - 1], np.int32)
    (tmp_path / "two").write_bytes(flatbuffer.pack(model))
    assert "2 tensors instead of one" in reason(tmp_path / "two", runtime)


@each_runtime
def test_an_operator_that_the_runtime_does_not_know(runtime: str, tmp_path: Path) -> None:
    model = flatbuffer.unpack(network(), "the network")
    model.operatorCodes[-1].builtinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[-1].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[-1].customCode = b"Surprise"
    (tmp_path / "custom").write_bytes(flatbuffer.pack(model))
    assert f"cannot be opened by {runtime}" in reason(tmp_path / "custom", runtime)


@each_runtime
@pytest.mark.parametrize("wrong", [np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, SIZE, SIZE, 3), np.float32)])
def test_a_tensor_that_does_not_fit(wrong: NDArray[Any], runtime: str, models: dict[str, Path]) -> None:
    runner = open_model(models["int8"], runtime)
    with pytest.raises(ModelError, match=f"fails under {runtime}: .+") as caught:
        runner(wrong)
    assert len(str(caught.value).splitlines()) == 1
    assert runner(frame("int8", 1)).argmax() == 1


@each_runtime
@pytest.mark.parametrize("name", [b"caf\xe9.tflite", "猫 🔩.tflite".encode(), b"two\nlines.tflite"])
def test_file_names_of_any_bytes(name: bytes, runtime: str, models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(models["int8"].read_bytes())
    assert open_model(path, runtime)(frame("int8", 2)).argmax() == 2


# Threads

COUNT_THREADS = """
import importlib, os, sys
import numpy as np
from graft_device.runtime import open_model

def tasks():
    return len(os.listdir("/proc/self/task"))

path, runtime, threads, how = sys.argv[1:]
if how == "one core":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
before = tasks()
if how == "directly":
    module = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}[runtime] + ".interpreter"
    interpreter = importlib.import_module(module).Interpreter(model_path=path, num_threads=int(threads))
    interpreter.allocate_tensors()
    interpreter.invoke()
else:
    runner = open_model(path, runtime, int(threads) or None)
    runner(np.zeros(runner.input.shape, runner.input.dtype))
print(tasks() - before + 1)
"""


def threads_used(*args: object) -> int:
    """How many threads an inference has, the calling one among them."""
    command = [sys.executable, "-c", COUNT_THREADS, *map(str, args)]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@each_runtime
def test_never_more_threads_than_usable_cores(runtime: str, models: dict[str, Path]) -> None:
    path, cores = models["float32"], usable_cores()
    assert cores == len(os.sched_getaffinity(0))
    assert threads_used(path, runtime, cores + 5, "directly") == cores + 5, "the measurement sees no threads"
    assert threads_used(path, runtime, cores + 5, "") == cores
    assert threads_used(path, runtime, 0, "") == cores
    assert threads_used(path, runtime, 1, "") == 1
    assert threads_used(path, runtime, 0, "one core") == 1


# What is installed


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A folder of packages with no runtime in it, to be the only one on a Python's path."""
    site = tmp_path / "site"
    site.mkdir()
    add_packages(site, "numpy")
    return site


def add_packages(site: Path, *names: str) -> None:
    """Links installed packages into a folder."""
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        for found in (package, package.with_name(f"{name}.libs")):
            if found.is_dir():
                (site / found.name).symlink_to(found)


def opened_with(site: Path, model: Path, runtime: str, numpy_version: str = np.__version__) -> str:
    """What opening a model says in a Python that has just these packages."""
    program = f"""
        import sys
        import numpy
        numpy.__version__ = "{numpy_version}"
        from graft_device.errors import RuntimeMissingError
        from graft_device.runtime import open_model
        try:
            print("opened by", open_model(sys.argv[1], sys.argv[2]).runtime)
        except RuntimeMissingError as error:
            print(error)
    """
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{DEVICE}"}
    command = [sys.executable, "-S", "-c", textwrap.dedent(program), str(model), runtime]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_no_runtime_at_all(bare_python: Path, models: dict[str, Path]) -> None:
    said = opened_with(bare_python, models["int8"], "auto")
    assert said == f"no TFLite runtime is installed; install one with: {LITERT_LINE}"


def test_litert_is_asked_for_and_missing(bare_python: Path, models: dict[str, Path]) -> None:
    said = opened_with(bare_python, models["int8"], "litert")
    assert said == f"litert is not installed; install one with: {LITERT_LINE}"


def test_tflite_runtime_is_asked_for_and_missing(bare_python: Path, models: dict[str, Path]) -> None:
    add_packages(bare_python, "ai_edge_litert")
    line = TFLITE_RUNTIME_LINE if sys.platform == "linux" and sys.version_info < (3, 12) else LITERT_LINE
    said = opened_with(bare_python, models["int8"], "tflite-runtime")
    assert said == f"tflite-runtime is not installed; install one with: {line}"
    assert opened_with(bare_python, models["int8"], "auto") == "opened by litert"


@needs_tflite_runtime
def test_auto_takes_tflite_runtime_where_litert_is_missing(bare_python: Path, models: dict[str, Path]) -> None:
    add_packages(bare_python, "tflite_runtime")
    assert opened_with(bare_python, models["int8"], "auto") == "opened by tflite-runtime"


@needs_tflite_runtime
def test_tflite_runtime_is_not_tried_with_numpy_2(bare_python: Path, models: dict[str, Path]) -> None:
    add_packages(bare_python, "tflite_runtime")
    expected = 'tflite-runtime does not work with numpy 2.4.6; install numpy 1: python3 -m pip install "numpy<2"'
    for runtime in ("auto", "tflite-runtime"):
        assert opened_with(bare_python, models["int8"], runtime, numpy_version="2.4.6") == expected
    add_packages(bare_python, "ai_edge_litert")
    assert opened_with(bare_python, models["int8"], "auto", numpy_version="2.4.6") == "opened by litert"


@pytest.fixture
def broken_litert(bare_python: Path) -> Path:
    """A LiteRT for another C library."""
    (bare_python / "ai_edge_litert").mkdir()
    (bare_python / "ai_edge_litert" / "__init__.py").touch()
    (bare_python / "ai_edge_litert" / "interpreter.py").write_text("raise ImportError('GLIBC_2.99 not found\\nmore')")
    return bare_python


def test_a_runtime_that_cannot_be_imported(broken_litert: Path, models: dict[str, Path]) -> None:
    expected = f"litert is installed but does not work here (GLIBC_2.99 not found); reinstall it: {LITERT_LINE}"
    assert opened_with(broken_litert, models["int8"], "auto") == expected
    assert opened_with(broken_litert, models["int8"], "litert") == expected


@needs_tflite_runtime
def test_auto_passes_over_a_runtime_that_cannot_be_imported(broken_litert: Path, models: dict[str, Path]) -> None:
    add_packages(broken_litert, "tflite_runtime")
    assert opened_with(broken_litert, models["int8"], "auto") == "opened by tflite-runtime"


def test_the_install_line_for_this_python() -> None:
    assert install_line(this_machine()) == LITERT_LINE


@needs_tflite_runtime
@pytest.mark.slow
@pytest.mark.parametrize("first", ["tensorflow", "tflite_runtime.interpreter"])
def test_tflite_runtime_is_not_opened_after_tensorflow(models: dict[str, Path], first: str) -> None:
    """TensorFlow's library would take the place of its functions: every model then failed with ``vector::reserve``."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    program = f"""
        import {first}, sys, tensorflow
        from graft_device.errors import RuntimeMissingError
        from graft_device.runtime import open_model
        assert open_model(sys.argv[1]).runtime == "litert"
        try:
            print(open_model(sys.argv[1], "tflite-runtime").runtime)
        except RuntimeMissingError as error:
            print(error)
        """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(models["int8"])],
        capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    refused = (
        "tflite-runtime does not work after TensorFlow was imported into the same process; "
        "import tflite_runtime.interpreter before tensorflow"
    )
    assert done.stdout.strip() == (refused if first == "tensorflow" else "tflite-runtime")
