"""Damaged flatbuffers: whatever takes them apart gives a result or an error of one line."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.errors import ExportError, GraftError, ModelError
from graft_host.diagnosis.layers import line_up
from graft_host.export.shipped_head import read_head
from graft_host.heads.head import Head
from graft_host.networks.builder import NetworkBuilder
from graft_host.support import flatbuffer
from graft_host.tflite.fuse import fuse
from graft_host.tflite.inspection import inspect_network
from graft_host.tflite.metadata import add_metadata
from tests.conftest import error_line, graft
from tests.support.device_models import SIZE, backbone, make_card, network, write_artifact
from tests.support.hostile_models import write_files

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = 400
HEAD = Head(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
WHOLE = {kind: add_metadata(network(kind), make_card(kind)) for kind in ("int8", "float32")}
BACKBONES = {kind: backbone(kind) for kind in ("int8", "float32")}


def changed(data: bytes, rng: random.Random) -> bytes:
    """A flatbuffer with some bits, bytes or numbers changed, or cut short; its identifier stays."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        place = rng.randrange(8, len(damaged))
        kind = rng.random()
        if kind < 0.4:
            damaged[place] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            damaged[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind < 0.95:
            number = rng.choice((0, 1, -1, 2**31 - 1, -(2**31), rng.randrange(-9999, 9999))) & 0xFFFFFFFF
            place -= place % 4
            damaged[place : place + 4] = number.to_bytes(4, "little")
        elif len(damaged) > 200:
            del damaged[rng.randrange(100, len(damaged)) :]
    return bytes(damaged)


def _read_head(data: bytes, folder: Path) -> None:
    path = folder / "m.tflite"
    path.write_bytes(data)
    read_head(path)


def _line_up(data: bytes, _: Path) -> None:
    network = NetworkBuilder(SIZE)
    line_up(flatbuffer.unpack(data, "m"), network.finish([network.bottleneck(network.pixels)]), "m")


READERS: dict[str, tuple[dict[str, bytes], Callable[[bytes, Path], Any]]] = {
    "inspect": (WHOLE, lambda data, _: inspect_network(data, "m")),
    "head": (WHOLE, _read_head),
    "layers": (WHOLE, _line_up),
    "metadata": (WHOLE, lambda data, _: add_metadata(data, make_card())),
    "fuse": (BACKBONES, lambda data, _: fuse(data, HEAD, np.ones((4, 3), np.float32))),
}


@pytest.mark.parametrize("kind", ["int8", "float32"])
@pytest.mark.parametrize("reader", READERS)
def test_a_result_or_an_error(reader: str, kind: str, tmp_path: Path) -> None:
    seeds, read = READERS[reader]
    rng = random.Random(f"{reader} {kind}")
    refused = 0
    for _ in range(INPUTS):
        try:
            read(changed(seeds[kind], rng), tmp_path)
        except GraftError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017  any other exception fails the test
            refused += 1
    assert INPUTS / 10 < refused < INPUTS


def edited(change: Callable[[Any], None]) -> bytes:
    """The network with something changed in its tables."""
    model = flatbuffer.unpack(WHOLE["int8"], "m")
    change(model)
    return flatbuffer.pack(model)


def _loop(model: Any) -> None:
    last = model.subgraphs[0].operators[-1]
    last.inputs = last.outputs


def _far(field: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        setattr(model.subgraphs[0], field, np.array([99], np.int32))

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model, "subgraphs", []),
        lambda model: setattr(model, "subgraphs", None),
        lambda model: setattr(model, "operatorCodes", None),
        lambda model: setattr(model, "buffers", model.buffers[:1]),
        lambda model: setattr(model.subgraphs[0], "tensors", None),
        lambda model: setattr(model.subgraphs[0], "operators", None),
        lambda model: setattr(model.subgraphs[0].operators[0], "inputs", None),
        lambda model: setattr(model.subgraphs[0].operators[0], "opcodeIndex", 77),
        lambda model: setattr(model.subgraphs[0].tensors[0], "buffer", 1000),
        lambda model: setattr(model.subgraphs[0].tensors[0].quantization, "scale", np.array([np.nan], np.float32)),
        lambda model: setattr(model.signatureDefs[0].inputs[0], "tensorIndex", 88),
        lambda model: setattr(model.signatureDefs[0], "subgraphIndex", 3),
        lambda model: setattr(model.metadata[0], "buffer", 500),
        _far("inputs"),
        _far("outputs"),
        _loop,
    ],
)
def test_parts_that_do_not_fit_together(change: Callable[[Any], None]) -> None:
    with pytest.raises(ExportError, match="m is damaged: its flatbuffer cannot be read; copy it again"):
        inspect_network(edited(change), "m")


def test_a_head_of_another_shape_or_type(tmp_path: Path) -> None:
    def tensor(name: bytes, **fields: Any) -> Callable[[Any], None]:
        def change(model: Any) -> None:
            found = next(tensor for tensor in model.subgraphs[0].tensors if tensor.name == name)
            for field, value in fields.items():
                setattr(found, field, value)

        return change

    path = tmp_path / "m.tflite"
    for change in (
        tensor(b"head/weights", shape=np.array([7, 7], np.int32)),
        tensor(b"head/weights", shape=None),
        tensor(b"head/weights", type=6),
        tensor(b"head/weights", quantization=None),
        tensor(b"head/weights", buffer=0),
        tensor(b"head/bias", shape=np.array([1, 3], np.int32)),
    ):
        path.write_bytes(edited(change))
        with pytest.raises(ModelError, match=r"m\.tflite has a head that cannot be read"):
            read_head(path)


def test_the_command_gives_one_line(tmp_path: Path) -> None:
    whole = write_artifact(tmp_path / "m.tflite")
    data = bytearray(whole.read_bytes())
    data[100] ^= 4
    whole.write_bytes(data)
    assert error_line(graft("inspect", whole)).endswith(
        "is damaged: its network is not the original one; copy it again"
    )
    bare = write_files(tmp_path / "bare.tflite", {}, edited(_loop))
    assert error_line(graft("inspect", bare)).endswith("is damaged: its flatbuffer cannot be read; copy it again")
