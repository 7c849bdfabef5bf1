from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.config.areas import AreaError, parse_mask, parse_roi

SIDES = st.integers(1, 4000)
SHARES = st.floats(0, 1, allow_subnormal=False)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("0.5,0,0.5,1", (320, 0, 640, 480)),
        ("0,0,1,1", (0, 0, 640, 480)),
        ("10,20,100,50", (10, 20, 110, 70)),
        ("600,400,100,100", (600, 400, 640, 480)),
        ("0.9999,0.9999,0.0001,0.0001", (639, 479, 640, 480)),
    ],
)
def test_a_region_in_pixels_of_a_frame(text: str, box: tuple[int, int, int, int]) -> None:
    assert parse_roi(text).box(640, 480) == box


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,0,1,1", "nan,0,1,1", "-1,0,5,5", "0,0,0,1", "1,0,1,1"])
def test_what_is_no_region(text: str) -> None:
    with pytest.raises(AreaError):
        parse_roi(text)


def test_a_region_in_pixels_beside_the_frame() -> None:
    with pytest.raises(AreaError, match="outside of the frame of 640 x 480"):
        parse_roi("700,0,10,10").box(640, 480)


@given(SHARES, SHARES, SHARES, SHARES, SIDES, SIDES)
def test_a_region_in_shares_is_in_every_frame(x: float, y: float, w: float, h: float, width: int, height: int) -> None:
    try:
        roi = parse_roi(f"{x!r},{y!r},{w!r},{h!r}")
    except AreaError:
        assert not (w and h and x < 1 and y < 1)
        return
    left, upper, right, lower = roi.box(width, height)
    assert 0 <= left < right <= width
    assert 0 <= upper < lower <= height


def test_a_mask_is_a_rectangle_or_a_polygon() -> None:
    assert parse_mask("0,0,0.5,0.25").points == ((0, 0), (0.5, 0), (0.5, 0.25), (0, 0.25))
    polygon = parse_mask("10,0,20,0,20,30")
    assert (polygon.points, polygon.shares) == (((10, 0), (20, 0), (20, 30)), False)
    for text in ("1,2", "1,2,3", "1,2,3,4,5", "x"):
        with pytest.raises(AreaError, match="not a mask"):
            parse_mask(text)
