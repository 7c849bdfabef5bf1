"""Finds and opens a TFLite interpreter: LiteRT, tflite-runtime, or TensorFlow's on a workstation."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ModelError, RuntimeMissingError
from graft_device.runtime_packages import install_line, no_runtime, not_installed, this_machine
from graft_device.system.machine import usable_cores

RUNTIMES = ("litert", "tflite-runtime")
"""The values of ``runtime`` besides ``auto``, which tries them in this order, and then TensorFlow's interpreter."""

_MODULES = {
    "litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}
_NUMPY_MAJOR = int(np.__version__.partition(".")[0])
PACKAGES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime", "tensorflow": "tensorflow"}
"""The package that each runtime is imported from. Its distribution has the same name."""


@dataclass(frozen=True)
class TensorSpec:
    """An input or output tensor: ``real = scale * (stored - zero_point)``.

    Attributes:
        shape: the size of each dimension.
        dtype: the type of the stored values.
        scale: the real value of one step; 0 if the tensor is not quantized.
        zero_point: the stored value of the real number 0.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Runner:
    """A model in an open interpreter. It must not be shared between threads.

    Attributes:
        runtime: the name of the runtime.
        input: the input tensor.
        output: the output tensor.
    """

    def __init__(self, interpreter: Any, runtime: str, path: Path) -> None:
        self.runtime = runtime
        self._path = path
        self._interpreter = interpreter
        first_input, first_output = _only(interpreter.get_input_details()), _only(interpreter.get_output_details())
        self.input = tensor_spec(first_input)
        self.output = tensor_spec(first_output)
        self._input_index = int(first_input["index"])
        self._output_index = int(first_output["index"])

    def __call__(self, tensor: NDArray[np.generic]) -> NDArray[Any]:
        """Runs the network once.

        Args:
            tensor: the input, with the shape and dtype of ``input``.

        Returns:
            A copy of the output, with the shape and dtype of ``output``.

        Raises:
            ModelError: the interpreter refuses the tensor or fails.
        """
        try:
            self._interpreter.set_tensor(self._input_index, tensor)
            self._interpreter.invoke()
            result: NDArray[Any] = self._interpreter.get_tensor(self._output_index)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path} fails under {self.runtime}: {_first_line(error)}") from error
        return result


def open_model(path: str | Path, runtime: str = "auto", threads: int | None = None) -> Runner:
    """Opens a ``.tflite`` file.

    Args:
        path: the file. The interpreter maps it into memory, so it must not be changed while it is in use.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: the number of threads for one inference, at most the usable cores. None means all usable cores.

    Raises:
        RuntimeMissingError: the runtime is not installed or does not work.
        ModelError: the file cannot be run.
        ValueError: the runtime is unknown.
    """
    name, interpreter = open_interpreter(path, runtime, threads)
    try:
        return Runner(interpreter, name, Path(path))
    except ValueError as error:
        raise ModelError(f"{path} cannot be opened by {name}: {error} (not a model for it)") from error


def open_interpreter(path: str | Path, runtime: str = "auto", threads: int | None = None) -> tuple[str, Any]:
    """Opens a file as ``open_model`` does; returns the name of the runtime and its interpreter, ready to run."""
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"no such model file: {path}")
    name, interpreter_class = _interpreter_class(runtime)
    count = threads_to_use(threads)
    try:
        interpreter = interpreter_class(model_path=_native_path(path), num_threads=count)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be opened by {name}: {_first_line(error)} (cut short, or not a model for it)"
        ) from error
    except (ImportError, AttributeError, SystemError) as error:
        raise _broken(name, error) from error
    return name, interpreter


def load_runtime(runtime: str = "auto") -> str:
    """Imports the code of a runtime, and opens nothing; returns its name. Raises as ``open_model`` does."""
    return _interpreter_class(runtime)[0]


def installed_runtimes() -> tuple[str, ...]:
    """The names of the installed runtimes, best first. None of them is imported."""
    return tuple(name for name in _MODULES if _installed(name))


def threads_to_use(wanted: int | None) -> int:
    """``wanted``, at most the usable cores; all of them for None. tflite-runtime is very slow with more threads."""
    return max(1, min(wanted or usable_cores(), usable_cores()))


def _native_path(path: Path) -> str | bytes:
    """The path as the interpreters' C++ code takes it: bytes if the name is not valid UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _interpreter_class(runtime: str) -> tuple[str, Any]:
    if runtime != "auto" and runtime not in _MODULES:
        raise ValueError(f"unknown runtime {runtime!r}; choose auto, {', '.join(RUNTIMES)}")
    candidates = tuple(_MODULES) if runtime == "auto" else (runtime,)
    broken: list[RuntimeMissingError] = []
    for name in candidates:
        if not _installed(name):
            continue
        if name == "tflite-runtime" and _NUMPY_MAJOR >= 2:  # noqa: PLR2004
            # It was built for numpy 1. With numpy 2 it can be imported, but prints a page and fails to open a model.
            broken.append(
                RuntimeMissingError(
                    f"tflite-runtime does not work with numpy {np.__version__}",
                    'install numpy 1: python3 -m pip install "numpy<2"',
                )
            )
            continue
        if name == "tflite-runtime" and _tensorflow_came_first():
            # TensorFlow's library takes the place of functions that tflite-runtime calls, and these have another form.
            # A model fails to open then, with "vector::reserve", or without memory.
            broken.append(
                RuntimeMissingError(
                    "tflite-runtime does not work after TensorFlow was imported into the same process",
                    "import tflite_runtime.interpreter before tensorflow",
                )
            )
            continue
        try:
            return name, importlib.import_module(_MODULES[name]).Interpreter
        except Exception as error:  # noqa: BLE001  a wheel for another libc or numpy fails in many ways
            broken.append(_broken(name, error))
    if broken:
        raise _all_broken(broken)
    raise not_installed(this_machine(), runtime)


def _tensorflow_came_first() -> bool:
    """Whether this process has imported TensorFlow, and tflite-runtime not before it."""
    runtime = PACKAGES["tflite-runtime"]
    first = next((name for name in tuple(sys.modules) if name in {"tensorflow", runtime}), runtime)
    return first == "tensorflow"


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(PACKAGES[name]) is not None
    except (ImportError, ValueError):
        return False


def _broken(name: str, error: BaseException) -> RuntimeMissingError:
    what = f"{name} is installed but does not work here ({_first_line(error)})"
    line = install_line(this_machine(), name)
    return RuntimeMissingError(
        what, no_runtime(this_machine(), name).remedy if line is None else f"reinstall it: {line}"
    )


def _all_broken(errors: list[RuntimeMissingError]) -> RuntimeMissingError:
    """One error for all runtimes that are installed; it is enough to fix one of them."""
    return RuntimeMissingError(
        ", and ".join(error.what for error in errors), ", or ".join(error.remedy for error in errors)
    )


def _only(details: list[dict[str, Any]]) -> dict[str, Any]:
    if len(details) != 1:
        raise ValueError(f"{len(details)} tensors instead of one")
    return details[0]


def tensor_spec(detail: dict[str, Any]) -> TensorSpec:
    """Reads the details of a tensor from an interpreter."""
    scale, zero_point = detail["quantization"]
    shape = tuple(int(n) for n in detail["shape"])
    return TensorSpec(shape, np.dtype(detail["dtype"]), float(scale), int(zero_point))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
