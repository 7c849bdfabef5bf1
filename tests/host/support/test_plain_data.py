from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from graft_host.support.kept.plain_data import digest_of, from_json, to_json


@dataclass(frozen=True)
class Inner:
    values: Any


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner | None
    table: dict[str, bytes]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "ä",
        3,
        0.1 + 0.2,
        float("inf"),
        b"\0\xff",
        [1, (2, "x")],
        (),
        {"a.jpg": b"\x01"},
        Outer("outer", Inner((1, None)), {"class": b"a name that the format uses itself"}),
        Outer("none", None, {}),
    ],
    ids=repr,
)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    read = from_json(to_json(value), (Inner, Outer))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=np.float32).reshape(2, 3).T, np.zeros((0, 4), np.int64), np.array([True, False])]
)
def test_an_array_is_read_with_type_and_shape(array: Any) -> None:
    read = from_json(to_json(Inner(array)), (Inner,)).values
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert np.array_equal(read, array)
    read[...] = 0  # it is not a view of the text


def test_numbers_of_numpy_become_plain_ones() -> None:
    assert to_json([np.float32(0.5), np.int64(3)]) == "[0.5,3]"


@pytest.mark.parametrize(
    "text", ["{", '{"class":"Outer","fields":{"dictionary":[]}}', '{"pickle":"x"}', '{"bytes":"?"}']
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(text, (Outer,))


def test_a_class_that_is_not_named_is_not_made() -> None:
    with pytest.raises(KeyError):
        from_json(to_json(Inner(1)), (Outer,))


def test_a_value_of_another_type_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="cannot write a set"):
        to_json({1})


def test_different_values_have_different_digests() -> None:
    values: list[tuple[Any, ...]] = [
        (),
        ((),),
        (None,),
        ("1",),
        (1,),
        (1.5,),
        ("a", "b"),
        ("ab",),
        (["a"], "b"),
        ("a", ["b"]),
        (b"ab",),
        (Inner(1),),
        (Outer("", None, {}),),
        ({"a": 1},),
        (np.zeros(2, np.float32),),
        (np.zeros(1, np.float64),),
        (np.zeros((1, 2), np.float32),),
        (np.zeros((2, 1), np.float32),),
    ]
    assert len({digest_of(*value) for value in values}) == len(values)


def test_the_digest_of_an_array_is_that_of_its_elements() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest_of(array.T) == digest_of(np.ascontiguousarray(array.T)) != digest_of(array)
