"""What a model file remembers: written by the workstation, read on the board, whatever is in the file."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.errors import GraftError, ModelError
from graft_device.learning.flat import FlatNetwork, editing
from graft_device.learning.head_file import NewHead, head_shape, write_head
from graft_device.learning.pieces import take_apart
from graft_device.learning.regression import rotate
from graft_device.learning.remembered import MOST_BYTES, MOST_OF_A_CLASS, kept_rows, unpack_means, unpack_photos
from graft_device.learning.scores import upper_bound
from graft_device.model import read_checked, read_model
from graft_device.model.memory import MEMORY_NAME, Part, read_memory, split_memory
from graft_device.model.packing import pack_zip
from graft_host.heads.softmax_regression import solve
from graft_host.heads.thresholds import _upper_bound
from graft_host.tflite.signing import sign
from tests.support.device_models import network
from tests.support.learning_models import known_colours, memory, write_learnable
from tests.support.stores import make_key

SOUND = memory(count=4)
NETWORK = network()


def test_int8_bottlenecks_are_remembered_as_they_are() -> None:
    header, stream = split_memory(memory())
    found = unpack_photos(header, stream, 3)
    bottlenecks, labels = known_colours()
    assert header.parts == (Part(3, 1.0, -128),)
    order = np.concatenate([np.arange(0, 90, 2), np.arange(1, 90, 2)])  # training photos, then validation photos
    assert (found.bottlenecks == bottlenecks[order]).all()
    assert (found.labels == labels[order]).all()
    assert found.unfitted.all()


def test_floats_are_remembered_to_a_step_of_their_range() -> None:
    header, stream = split_memory(memory("float32"))
    found = unpack_photos(header, stream, 3)
    assert np.abs(found.bottlenecks).max() > 0.5
    assert header.parts[0].scale < 2 / 200


def test_photos_that_the_backbone_was_fitted_to_judge_no_head() -> None:
    header, stream = split_memory(memory(fitted=True))
    assert unpack_photos(header, stream, 3).unfitted.sum() == 45


def test_means_hold_no_photo() -> None:
    header, stream = split_memory(memory(photos=False))
    bottlenecks, labels = known_colours()
    means = unpack_means(header, stream, 3)
    assert means.counts.tolist() == [30, 30, 30]
    for label in range(3):
        assert np.allclose(means.means[label], np.sqrt(bottlenecks[labels == label]).mean(axis=0), atol=0.1)


@pytest.mark.parametrize(("length", "counts"), [(1280, (9000, 40, 700)), (20_480, (900, 40, 700))])
def test_a_file_remembers_no_more_than_its_share_of_each_class(length: int, counts: tuple[int, ...]) -> None:
    labels = np.repeat(np.arange(3), counts)
    kept = np.bincount(labels[kept_rows(labels, length)])
    assert kept.max() <= MOST_OF_A_CLASS
    assert kept.sum() * length <= MOST_BYTES
    assert kept[1] == 40
    assert (kept_rows(labels, length) == kept_rows(labels, length)).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from(["flip", "cut", "double", "header"]))
def test_a_damaged_memory_is_refused_with_a_reason(seed: int, kind: str) -> None:
    rng, data = np.random.default_rng(seed), bytearray(SOUND)
    place = int(rng.integers(len(data)))
    if kind == "flip":
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[place:]
    elif kind == "double":
        data = data + data
    else:
        data[: bytes(data).index(b"\n")] = bytes(rng.integers(32, 127, 80, dtype=np.uint8))
    try:
        header, stream = split_memory(bytes(data))
        found = unpack_photos(header, stream, 3)
    except ValueError:
        return
    assert found.bottlenecks.shape == (header.rows, header.length)
    assert np.isfinite(found.bottlenecks).all()
    assert ((found.labels >= -1) & (found.labels < 3)).all()


def test_a_header_that_promises_gigabytes_takes_none(tmp_path: Path) -> None:
    model = write_learnable(tmp_path / "m.tflite")
    line = b'{"format": 1, "kind": "photos", "rows": 60000000, "unfitted": 1, "parts": [{"length": 60000, "scale": 1'
    _with_memory(model, line + b', "zero_point": 0}]}\n' + b"x" * 100)
    with pytest.raises(GraftError, match="more numbers than a board can hold"):
        read_memory(model)


def test_a_memory_of_another_network_is_refused(tmp_path: Path) -> None:
    model = write_learnable(tmp_path / "m.tflite")
    other = memory().replace(b'"length": 3', b'"length": 2', 1)
    _with_memory(model, other)
    with pytest.raises(GraftError, match="memory that cannot be used"):
        take_apart(read_checked(model))


@given(st.integers(0, 2**32 - 1))
def test_a_hostile_flatbuffer_ends_in_one_error(seed: int) -> None:
    """Its checksum may fit, so every offset, length and index is checked."""
    rng, data = np.random.default_rng(seed), bytearray(NETWORK)
    for _ in range(int(rng.integers(1, 12))):
        place = int(rng.integers(len(data) - 4))
        data[place : place + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
    with contextlib.suppress(ModelError), editing(Path("m.tflite")):
        flat = FlatNetwork(bytes(data))
        shape = head_shape(flat)
        if shape.length == 3:
            head = NewHead(np.eye(3, shape.classes + 1), np.zeros(shape.classes + 1))
            write_head(flat, head, known_colours(4)[0], 1.0)
        flat.with_output(shape.source)


def test_signing_keeps_the_memory(tmp_path: Path) -> None:
    model = write_learnable(tmp_path / "m.tflite")
    before = read_memory(model)
    sign(model, make_key(tmp_path / "key"))
    assert read_memory(model) == before is not None


def test_numpy_finds_the_head_that_scipy_finds() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), (60, 50, 40, 7))
    bottlenecks = np.abs(rng.normal(size=(len(labels), 200)) + labels[:, np.newaxis] * 0.2).astype(np.float32)
    weights = rng.uniform(0.5, 2, len(labels))
    for penalty in (1e-3, 1e-2, 1.0):
        ((kernel, bias),) = solve(bottlenecks, labels, weights, 4, (penalty,))
        expected = bottlenecks @ kernel + bias
        rotated = rotate(bottlenecks)
        head = rotated.fit(np.ones(len(labels), bool), labels, weights, 4, penalty)
        own_kernel, own_bias = rotated.unfolded(head)
        found = bottlenecks @ own_kernel + own_bias
        assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


@pytest.mark.parametrize(("refused", "photos"), [(0, 20), (1, 55), (5, 90), (12, 500)])
def test_the_bound_of_a_rate_is_the_workstations(refused: int, photos: int) -> None:
    assert upper_bound(refused, photos) == pytest.approx(_upper_bound(refused, photos), abs=1e-6)


def _with_memory(model: Path, entry: bytes) -> None:
    size = read_model(model).network_bytes
    with zipfile.ZipFile(model) as packed:
        entries = {name: packed.read(name) for name in packed.namelist()}
    model.write_bytes(model.read_bytes()[:size] + pack_zip({**entries, MEMORY_NAME: entry}))
