"""Weights files of PyTorch's old layout: changed bytes, and rows of pickle operations in place of the state dict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft_device.errors import WeightsError
from graft_host.backbones.efficientnet_lite.torch_legacy import read_tensors
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target, check_message
from tests.support.legacy_torch import Storage, Tensor, legacy_bytes, tensor

if TYPE_CHECKING:
    import random
    from pathlib import Path

_OPERATIONS = [
    b"N", b")", b"]", b"}", b"(", b"t", b"\x85", b"\x86", b"R", b"Q", b"b", b"s", b"u", b"a", b"e", b"q\x00", b"h\x00",
    b"K\x01", b"J\xff\xff\xff\x7f", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"r\xff\xff\xff\x7f", b"X\x01\x00\x00\x00w",
    b"X\x07\x00\x00\x00storage", b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n", b"cposix\nsystem\n", b"\x81", b"0", b"2", b"\x93", b"\x94",
]  # fmt: skip


class Kind(Target):
    """A state dict that is read as weights are."""

    memory = 128 << 20

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "w.pth"

    def seeds(self) -> list[bytes]:
        floats = Storage("0", np.arange(24, dtype=np.float32))
        whole = Storage("1", np.arange(3), "LongStorage")
        tensors = {
            "w": Tensor(floats, 4, (2, 3), (1, 4)),
            "b": Tensor(floats, 0, (24,), (1,)),
            "n": tensor("1", whole.numbers),
        }
        return [legacy_bytes(tensors, [floats, whole], protocol=protocol) for protocol in (2, 4)]

    def read(self, data: bytes) -> str:
        self._path.write_bytes(data)
        try:
            tensors = read_tensors(self._path)
        except WeightsError as error:
            check_message(error)
            return "refused"
        for array in tensors.values():
            assert array.dtype in {np.dtype(np.float32), np.dtype(np.int64)}
            array.reshape(-1)[:1] if array.size < 1 << 20 else array.flat[-1]
        return "accepted"

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.6:
            return mutated(data, self.sound, rng)
        program = b"".join(rng.choices(_OPERATIONS, k=rng.randint(1, 30)))
        return legacy_bytes(b"\x80\x02" + program + b".", [Storage("0", np.arange(24, dtype=np.float32))])
