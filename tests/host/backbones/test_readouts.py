"""The readouts that a run chooses from."""

from __future__ import annotations

import pytest

from graft_host.backbones.readouts import READOUTS, ReadoutKind, readouts
from graft_host.backbones.registry import family, usable_families
from tests.support.tiny_family import TINY

INCEPTION = family("inception-v3")


@pytest.mark.parametrize("tap", ["mixed0", "mixed8"])
def test_single_is_the_tap_itself(tap: str) -> None:
    assert readouts(INCEPTION, tap, "single") == (tap,)


def test_several_taps_end_at_the_deepest_that_may_be_read() -> None:
    assert readouts(INCEPTION, "mixed8", "multi") == (
        "mixed7+mixed8",
        "mixed6+mixed7+mixed8",
        "mixed5+mixed6+mixed7+mixed8",
    )
    assert readouts(TINY, "middle", "multi") == ("early+middle",)


def test_quarters_are_read_of_one_tap_and_of_several() -> None:
    assert readouts(INCEPTION, "mixed8", "grid") == (
        "mixed7/2x2",
        "mixed8/2x2",
        "mixed6/2x2+mixed7/2x2+mixed8/2x2",
        "mixed5/2x2+mixed6/2x2+mixed7/2x2+mixed8/2x2",
    )
    assert readouts(TINY, "early", "grid") == ("early/2x2",)


def test_all_kinds_with_the_simplest_first() -> None:
    listed = readouts(INCEPTION, "mixed8", "auto")
    assert listed[:2] == ("mixed7", "mixed8")
    assert listed[2:5] == readouts(INCEPTION, "mixed8", "multi")
    assert listed[5:] == readouts(INCEPTION, "mixed8", "grid")


def test_the_first_tap_is_read_alone() -> None:
    assert readouts(INCEPTION, "mixed0", "multi") == ("mixed0",)
    assert readouts(INCEPTION, "mixed0", "auto") == ("mixed0", "mixed0/2x2")


@pytest.mark.parametrize("kind", READOUTS)
def test_every_readout_is_a_value_of_tap(kind: ReadoutKind) -> None:
    for one in usable_families():
        for tap in one.taps:
            for readout in readouts(one, tap, kind):
                assert one.ordered(readout) == readout
                assert one.depth(one.taps_of(readout)[-1]) <= one.depth(tap)
