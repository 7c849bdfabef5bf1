"""Runs a network with float32 input on photos in LiteRT, one photo on each core at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import ExportError
from graft_host.networks.scaling import InputScaling

Result = TypeVar("Result")
Outputs = list[NDArray[np.float32]]
"""Views of a network's outputs, with the batch. No view may be kept: LiteRT does not run while there is one."""


def run_on_photos(
    file: bytes,
    photos: NDArray[Any],
    scaling: InputScaling,
    threads: int,
    evaluate: Callable[[int, NDArray[np.float32], Outputs], Result],
) -> Generator[Result, None, None]:
    """Yields what ``evaluate`` returns for each photo, in the order of the photos.

    Ctrl-C, or closing it early, ends it after the photos that are running.

    Args:
        file: a flatbuffer with float32 input and outputs.
        photos: uint8 ``[N,S,S,3]``, or int8 maps of photos ``[N,H,W,C]``.
        scaling: of pixels or maps.
        threads: how many photos are run at a time.
        evaluate: called with the number of the photo, the numbers that the network reads, and the outputs.

    Raises:
        ExportError: LiteRT cannot run the network.
    """
    workers = max(1, min(threads, len(photos)))
    idle: queue.SimpleQueue[_Interpreter] = queue.SimpleQueue()
    for _ in range(workers):
        idle.put(_Interpreter(file))

    def run(number: int) -> Result:
        interpreter = idle.get()
        try:
            values = scaling.numbers(photos[number])
            return evaluate(number, values, interpreter(values))
        finally:
            idle.put(interpreter)

    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(run, range(len(photos)))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C, photos that have not begun


class _Interpreter:
    """The network, opened on one core."""

    def __init__(self, file: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter  # not for commands that find their backbone in the cache

        try:
            self._interpreter: Any = Interpreter(model_content=file, num_threads=1)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise _failed(error) from error
        self._entrance = int(self._interpreter.get_input_details()[0]["index"])
        ends = self._interpreter.get_output_details()
        self._views = [self._interpreter.tensor(end["index"]) for end in ends]

    def __call__(self, values: NDArray[np.float32]) -> Outputs:
        try:
            self._interpreter.set_tensor(self._entrance, values[np.newaxis])
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise _failed(error) from error
        return [view() for view in self._views]


def _failed(error: Exception) -> ExportError:
    return ExportError(f"LiteRT cannot run the network: {(str(error).splitlines() or ['?'])[0]}")
