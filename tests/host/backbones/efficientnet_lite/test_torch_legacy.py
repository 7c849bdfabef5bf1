"""The reader of PyTorch's layout before 1.6: it reads tensors, refuses all else, and runs nothing."""

from __future__ import annotations

import builtins
import collections
import os
import pickle
import struct
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graft_device.errors import WeightsError
from graft_host.backbones.efficientnet_lite.torch_legacy import read_tensors
from tests.support.legacy_torch import MACHINE, MAGIC, Storage, Tensor, legacy_bytes, tensor, write_legacy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TWELVE = Storage("a", np.arange(12, dtype=np.float32))
UNCHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""Each example writes its file again, and a busy machine may stop between two of them."""


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _refused(path: Path, data: bytes, match: str | None = None) -> str:
    """The message, which is one line of readable length that names the file."""
    with pytest.raises(WeightsError, match=match) as caught:
        read_tensors(_written(path, data))
    message = str(caught.value)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    assert len(message) < 400 + len(str(path))
    return message


def _with(states: Any, storages: Any = (TWELVE,), **others: Any) -> bytes:
    return legacy_bytes(states, storages, **others)


def _one(*view: Any, storage: Any = TWELVE) -> bytes:
    return _with({"w": Tensor(storage, *view)}, [storage])


# What is read


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_keep_names_order_shapes_and_kinds(tmp_path: Path, protocol: int) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "conv.weight": rng.normal(size=(4, 3, 2, 2)).astype(np.float32),
        "bn.num_batches_tracked": np.array(7, np.int64),
        "conv.bias": rng.normal(size=4).astype(np.float32),
    }
    tensors = collections.OrderedDict((name, tensor(name, array)) for name, array in arrays.items())
    data = _with(tensors, [each.storage for each in tensors.values()], protocol=protocol)
    read = read_tensors(_written(tmp_path / "w.pth", data))
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert np.array_equal(read[name], array)


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "expected"),
    [
        (0, (3, 4), (4, 1), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]),
        (0, (4, 3), (1, 4), [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]),
        (5, (2, 2), (3, 2), [[5, 7], [8, 10]]),
        (11, (), (), 11),
        (11, (1, 1), (12, 12), [[11]]),
        (3, (2, 2), (0, 1), [[3, 4], [3, 4]]),
    ],
)
def test_offsets_and_strides_are_honoured(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], expected: Any
) -> None:
    read = read_tensors(_written(tmp_path / "w.pth", _one(offset, shape, strides)))
    assert read["w"].tolist() == expected


def test_tensors_share_storages(tmp_path: Path) -> None:
    numbers = Storage("n", np.arange(5, dtype=np.int64), "LongStorage")
    tensors = {
        "late": Tensor(numbers, 2, (3,), (1,)),
        "w": Tensor(TWELVE, 0, (2,), (1,)),
        "all": Tensor(numbers, 0, (5,), (1,)),
    }
    read = read_tensors(_written(tmp_path / "w.pth", _with(tensors, [TWELVE, numbers])))
    assert read["late"].tolist() == [2, 3, 4]
    assert read["all"].tolist() == [0, 1, 2, 3, 4]
    assert np.shares_memory(read["late"], read["all"])


def test_versions_of_modules_are_passed_over(tmp_path: Path) -> None:
    states = collections.OrderedDict(w=tensor("a", TWELVE.numbers))
    states._metadata = collections.OrderedDict([("", {"version": 1})])  # type: ignore[attr-defined]
    data = _with(states)
    assert b"_metadata" in data
    assert list(read_tensors(_written(tmp_path / "w.pth", data))) == ["w"]


@settings(max_examples=60, suppress_health_check=UNCHECKED)
@given(data=st.data())
def test_any_view_of_a_storage_is_that_of_numpy(tmp_path: Path, data: st.DataObject) -> None:
    base = np.arange(data.draw(st.integers(1, 200)), dtype=np.float32)
    shape = tuple(data.draw(st.lists(st.integers(1, 5), max_size=4)))
    strides = tuple(data.draw(st.lists(st.integers(0, 20), min_size=len(shape), max_size=len(shape))))
    offset = data.draw(st.integers(0, 30))
    within = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) < len(base)
    within = within and max((*strides, 0)) <= len(base)
    file = _one(offset, shape, strides, storage=Storage("a", base))
    if not within:
        _refused(tmp_path / "w.pth", file)
        return
    expected = np.lib.stride_tricks.as_strided(base[offset:], shape, [4 * step for step in strides])
    assert np.array_equal(read_tensors(_written(tmp_path / "w.pth", file))["w"], expected)


# What is refused


class _Calls:
    """Pickles as a call of something."""

    def __init__(self, called: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = called, arguments

    def __reduce__(self) -> Any:
        return self._reduced


def _marker(tmp_path: Path) -> Path:
    return tmp_path / "it was run"


_ATTACKS: dict[str, tuple[Callable[[str], Any], str]] = {
    "system": (lambda path: _Calls(os.system, f"touch '{path}'"), r"it names posix\.system"),
    "eval": (lambda path: _Calls(builtins.eval, f"open({path!r}, 'w')"), r"it names (__builtin__|builtins)\.eval"),
    "open": (lambda path: _Calls(builtins.open, path, "w"), r"it names (_io|io)\.open"),
    "getattr": (lambda _: _Calls(builtins.getattr, 1, "real"), r"it names (__builtin__|builtins)\.getattr"),
    "import": (lambda _: _Calls(__import__, "antigravity"), r"it names (__builtin__|builtins)\.__import__"),
    "loads": (lambda _: _Calls(pickle.loads, b"N."), r"it names _?pickle\.loads"),
}


@pytest.mark.parametrize("place", ["magic", "version", "machine", "states", "keys"])
@pytest.mark.parametrize("attack", _ATTACKS)
def test_nothing_that_a_file_names_is_called(tmp_path: Path, attack: str, place: str) -> None:
    make, match = _ATTACKS[attack]
    value = make(str(_marker(tmp_path)))
    parts: dict[str, Any] = {place: {"w": value} if place in {"states", "machine"} else value}
    states = parts.pop("states", {"w": tensor("a", TWELVE.numbers)})
    _refused(tmp_path / "w.pth", _with(states, **parts), match if place != "magic" else "layout before PyTorch 1.6")
    assert not _marker(tmp_path).exists()


@pytest.mark.parametrize("kind", ["HalfStorage", "DoubleStorage"])
def test_other_kinds_of_numbers_are_refused(tmp_path: Path, kind: str) -> None:
    _refused(tmp_path / "w.pth", _one(0, (2,), (1,), storage=Storage("a", TWELVE.numbers, kind)), f"torch.{kind}")


def _raw(*operations: bytes) -> bytes:
    return b"\x80\x02" + b"".join(operations) + b"."


_ORDERED, _REBUILD, _KIND = (
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n",
)
_ATTRIBUTES = b"}X\x05\x00\x00\x00dtypeX\x01\x00\x00\x00Os"  # {"dtype": "O"}
_IDENTIFIER = b"(X\x07\x00\x00\x00storage" + _KIND + b"X\x01\x00\x00\x00aX\x03\x00\x00\x00cpuK\x0cNtQ"
_RAW = {
    "another module's name": b"ctorch\nFloatTensor\n",
    "a name of the right module": b"ccollections\nChainMap\n",
    "a dotted name": b"\x8c\x05torch\x8c\x17FloatStorage.__module__\x93",
    "a name that is a number": b"K\x01K\x02\x93",
    "a name that is found by its number": b"\x82\x01",
    "an instance": b"(itorch\nFloatStorage\n",
    "an object": b"(" + _KIND + b"o",
    "a new object": _ORDERED + b")\x81",
    "a call of a storage's kind": _KIND + b")R",
    "a call of a number": b"K\x01)R",
    "a call without a tuple": _ORDERED + b"K\x01R",
    "an ordered dict of pairs": _ORDERED + b"(]t\x85R",
    "attributes of the class": _ORDERED + _ATTRIBUTES + b"b",
    "attributes of a kind": _KIND + _ATTRIBUTES + b"b",
    "attributes of the function": _REBUILD + _ATTRIBUTES + b"b",
    "attributes of a storage": _IDENTIFIER + _ATTRIBUTES + b"b",
    "attributes of a tensor": _REBUILD + b"(" + _IDENTIFIER + b"K\x00))tR" + _ATTRIBUTES + b"b",
    "an identifier as text": b"Pstorage\n",
    "an identifier that is a number": b"K\x01Q",
    "an identifier that is short": b"(X\x07\x00\x00\x00storagetQ",
    "an identifier whose kind is a list": b"(X\x07\x00\x00\x00storage]X\x01\x00\x00\x00aX\x01\x00\x00\x00cK\x0cNtQ",
    "an identifier with a view": _IDENTIFIER.replace(b"NtQ", b")tQ"),
    "a key that is a tuple": b"})K\x01s",
    "a key that is a dict": b"}}K\x01s",
    "an odd number of keys and values": b"}(K\x01u",
    "entries of a list": b"](K\x01K\x01u",
    "elements of a dict": b"}K\x01a",
    "a mark that is missing": b"t",
    "a value that is missing": b"\x85",
    "values before a mark": b"K\x01(\x85",
    "a memo that is empty": b"h\x07",
    "nothing": b"",
    "text and numbers of protocol 0": b"I1\n",
    "a set": b"\x8f",
    "a buffer": b"\x97",
    "bytes": b"C\x01a",
    "an unknown operation": b"\xff",
    "text that is not UTF-8": b"X\x01\x00\x00\x00\xff",
    "a string longer than the file": b"X\xff\xff\xff\x7f",
    "bytes longer than memory": b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
    "a tensor instead of a dict": _REBUILD + b"(" + _IDENTIFIER + b"K\x00))tR",
    "a number instead of a tensor": b"}X\x01\x00\x00\x00wK\x01s",
    "a kind instead of a tensor": b"}X\x01\x00\x00\x00w" + _KIND + b"s",
}


@pytest.mark.parametrize("what", _RAW)
def test_operations_that_no_state_dict_needs_are_refused(tmp_path: Path, what: str) -> None:
    _refused(tmp_path / "w.pth", _with(_raw(_RAW[what])))


def test_the_class_of_dicts_stays_as_it_is(tmp_path: Path) -> None:
    before = dict(vars(collections.OrderedDict))
    for where in (_ORDERED, _ORDERED + b")R"):
        attack = where + b"N}X\x05\x00\x00\x00itemsK\x01s\x86b"  # (None, {"items": 1}) is set by setattr
        path = _written(tmp_path / "w.pth", _with(_raw(attack)))
        if where == _ORDERED:
            with pytest.raises(WeightsError):
                read_tensors(path)
    assert dict(vars(collections.OrderedDict)) == before


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (13,), (1,)),
        (12, (), ()),
        (0, (4, 4), (4, 1)),
        (0, (2,), (12,)),
        (1, (3, 4), (4, 1)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (-2,), (1,)),
        (0, (0,), (1,)),
        (0, (2, 2), (1,)),
        (0, (2.0,), (1,)),
        (0, (2,), (1.0,)),
        (0.0, (2,), (1,)),
        (0, (True,), (1,)),
        (0, [2], [1]),
        (0, "2", "1"),
        (None, (2,), (1,)),
        (0, (1 << 40,), (0,)),
        (0, (1 << 20, 1 << 20, 1 << 20, 1 << 20), (0, 0, 0, 0)),
        (0, (1,), (1 << 70,)),
        (1 << 70, (1,), (1,)),
        (0, (1 << 70,), (1,)),
        (0, (1,) * 100, (1,) * 100),
    ],
)
def test_views_that_do_not_fit_their_storage_are_refused(tmp_path: Path, offset: Any, shape: Any, strides: Any) -> None:
    _refused(tmp_path / "w.pth", _one(offset, shape, strides))


@pytest.mark.parametrize("count", [-1, 0, 11, 13, 1 << 40, 1 << 70, True, 12.0, None])
def test_a_wrong_count_is_refused(tmp_path: Path, count: Any) -> None:
    announced = Storage("a", TWELVE.numbers, count="12" if count is None else count)
    _refused(tmp_path / "w.pth", _one(0, (2,), (1,), storage=announced))


@pytest.mark.parametrize("count", [-1, 0, 11, 13, 1 << 40, (1 << 63) - 1])
def test_a_wrong_count_before_the_numbers_is_refused(tmp_path: Path, count: int) -> None:
    data = _one(0, (2,), (1,))
    start = len(data) - 4 * 12 - 8
    _refused(tmp_path / "w.pth", data[:start] + struct.pack("<q", count) + data[start + 8 :])
    both = Storage("a", TWELVE.numbers, count=count)
    data = _one(0, (1,), (1,), storage=both)
    start = len(data) - 4 * 12 - 8
    _refused(tmp_path / "w.pth", data[:start] + struct.pack("<q", count) + data[start + 8 :])


@pytest.mark.parametrize(
    ("others", "match"),
    [
        ({"magic": 5}, "layout before PyTorch 1.6"),
        ({"magic": (MAGIC,)}, "layout before PyTorch 1.6"),
        ({"version": 1002}, "version is not 1001"),
        ({"machine": {**MACHINE, "little_endian": False}}, "big-endian"),
        ({"machine": {**MACHINE, "little_endian": 1}}, "big-endian"),
        ({"machine": {}}, "big-endian"),
        ({"machine": [1]}, "big-endian"),
        ({"keys": []}, "not those that the tensors name"),
        ({"keys": ["b"]}, "not those that the tensors name"),
        ({"keys": ["a", "a"]}, "not those that the tensors name"),
        ({"keys": [1]}, "not those that the tensors name"),
        ({"keys": {"a": 1}}, "not those that the tensors name"),
        ({"keys": 7}, "not those that the tensors name"),
    ],
)
def test_another_frame_is_refused(tmp_path: Path, others: dict[str, Any], match: str) -> None:
    _refused(tmp_path / "w.pth", _with({"w": tensor("a", TWELVE.numbers)}, **others), match)


def test_one_storage_has_one_description(tmp_path: Path) -> None:
    other = Storage("a", TWELVE.numbers.astype(np.int64), "LongStorage")
    tensors = {"w": Tensor(TWELVE, 0, (1,), (1,)), "v": Tensor(other, 0, (1,), (1,))}
    _refused(tmp_path / "w.pth", _with(tensors), "described twice")


def test_every_cut_and_everything_behind_the_end_is_refused(tmp_path: Path) -> None:
    data = _one(0, (3, 4), (4, 1))
    for length in range(len(data)):
        _refused(tmp_path / "w.pth", data[:length])
    _refused(tmp_path / "w.pth", data + b"\0", "more behind its end")


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 a zip of PyTorch 1.6", b"\x89HDF\r\n\x1a\n", b"<html>404</html>" * 50]
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    _refused(tmp_path / "w.pth", data, "layout before PyTorch 1.6")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="a folder, not a file"):
        read_tensors(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="a named pipe, not a file"):
        read_tensors(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="No such file"):
        read_tensors(tmp_path / "missing.pth")


def test_a_long_or_unprintable_name_makes_a_readable_message(tmp_path: Path) -> None:
    for name in (b"x" * 100_000, b"a\x1b[31m\rb", "é\u202e".encode()):
        _refused(tmp_path / "w.pth", _with(_raw(b"c" + name + b"\nsystem\n")))


# Memory


_DEEP = b"(" * 50_000 + b"t" * 50_000
_BOMBS = {
    "a memo far away": b"Nr\xff\xff\xff\x7f}X\x01\x00\x00\x00ws",
    "many lists": b"]" * 100_000,
    "deep tuples": b"}X\x01\x00\x00\x00w" + _DEEP + b"s",
    "a tuple of itself many times": b"})" + b"q\x00h\x00\x86" * 60 + b"K\x01s",
    "a message of it": b")" + b"q\x00h\x00\x86" * 60 + b"Q",
    "a huge tensor in few numbers": b"",
}


@pytest.mark.parametrize("bomb", _BOMBS)
def test_a_small_file_takes_little_memory(tmp_path: Path, bomb: str) -> None:
    huge = (1 << 14, 1 << 14), (0, 0)  # 1 GiB if it were copied
    data = _with(_raw(_BOMBS[bomb])) if _BOMBS[bomb] else _with({str(n): Tensor(TWELVE, 0, *huge) for n in range(50)})
    path = _written(tmp_path / "w.pth", data)
    tracemalloc.start()
    try:
        if _BOMBS[bomb]:
            with pytest.raises(WeightsError):
                read_tensors(path)
        else:
            assert len(read_tensors(path)) == 50
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_pickles_of_more_than_half_a_megabyte_are_refused(tmp_path: Path) -> None:
    _refused(tmp_path / "w.pth", _with({"w" * (1 << 19): tensor("a", TWELVE.numbers)}))


# Anything at all


def _read_if_sound(path: Path) -> dict[str, Any]:
    """What a file has; nothing if it is refused in one line. Any other exception is raised."""
    read, refused = {}, None
    try:
        read = read_tensors(path)
    except WeightsError as error:
        refused = str(error)
    assert refused is None or len(refused.splitlines()) == 1
    return read


_GOOD = _with(
    collections.OrderedDict({"w": tensor("a", TWELVE.numbers.reshape(3, 4)), "n": tensor("b", np.array(3, np.int64))}),
    [TWELVE, Storage("b", np.array([3], np.int64), "LongStorage")],
)


@settings(max_examples=300, suppress_health_check=UNCHECKED)
@given(changes=st.lists(st.tuples(st.integers(0, len(_GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(_GOOD)
    for place, value in changes:
        data[place] = value
    path = _written(tmp_path / "w.pth", bytes(data))
    read = _read_if_sound(path)
    assert all(array.dtype in {np.dtype(np.float32), np.dtype(np.int64)} for array in read.values())


@settings(max_examples=200, suppress_health_check=UNCHECKED)
@given(program=st.lists(st.sampled_from([*_RAW.values(), *(bytes([n]) for n in b")}](tNQRbsuaeq0.1")]), max_size=12))
def test_any_row_of_operations_is_read_or_refused(tmp_path: Path, program: list[bytes]) -> None:
    path = _written(tmp_path / "w.pth", _with(_raw(*program)))
    assert all(isinstance(array, np.ndarray) for array in _read_if_sound(path).values())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays = {"x": np.eye(3, dtype=np.float32), "y": np.arange(4)}
    read = read_tensors(write_legacy(tmp_path / "w.pth", arrays))
    assert all(np.array_equal(read[name], array) for name, array in arrays.items())
