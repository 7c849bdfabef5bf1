"""Options classes: what they declare is what commands and functions read."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from graft_host.network_search.options import SearchOptions
from graft_host.support.option import Option, OptionError, build, parameters
from graft_host.training.options import HeadOptions, TrainOptions


def _parted(text: str) -> tuple[str, ...]:
    return tuple(text.split("/"))


@dataclass(frozen=True)
class Inner:
    seed: Annotated[int, Option(low=0, high=9, help="Drawn numbers.", after="colour")] = 0
    share: Annotated[float, Option(low=0, high=1, above_zero=True, help="Of the photos.")] = 0.5


@dataclass(frozen=True)
class Second:
    seed: int = 0
    hidden: int = 7


@dataclass(frozen=True, kw_only=True)
class Outer:
    place: Annotated[Path, Option(help="A folder.")]
    inner: Inner = field(default_factory=Inner)
    second: Second = field(default_factory=Second)
    colour: Annotated[Literal["red", "green"], Option(help="Of the light.")] = "red"
    files: Annotated[tuple[Path, ...], Option(help="Any number.")] = ()
    names: Annotated[tuple[str, ...], Option(choices=("a", "b"), parse=_parted, help="Names.")] = ("a",)
    extra: Annotated[Path | None, Option(help="If any.", after="place")] = None


def test_nested_options_are_listed_where_they_stand_unless_they_follow_another() -> None:
    listed = parameters(Outer)
    assert [parameter.name for parameter in listed] == ["place", "extra", "share", "colour", "seed", "files", "names"]
    assert listed[0].default is MISSING
    assert listed[2].default == 0.5
    assert [parameter.name for parameter in parameters(Outer, without=("colour", "share"))] == [
        "place", "extra", "seed", "files", "names",
    ]  # fmt: skip


def test_given_values_are_converted_and_the_others_keep_their_default() -> None:
    built = build(Outer, {"place": "a/b", "seed": 3, "files": ["x"], "names": "b/a", "nonsense": 1})
    assert built == Outer(
        place=Path("a/b"), inner=Inner(seed=3), second=Second(seed=3), files=(Path("x"),), names=("b", "a")
    )
    assert build(Outer, {"place": Path(), "extra": None}) == Outer(place=Path())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": -1}, "--seed: -1 is too small; give at least 0"),
        ({"seed": 10}, "--seed: 10 is too large; give at most 9"),
        ({"share": 0}, "--share: 0.0 can never be met; give more"),
        ({"share": float("nan")}, "--share: nan is not a finite number"),
        ({"colour": "blue"}, "--colour: there is no 'blue'; choose from red, green"),
        ({"names": ("a", "c")}, "--names: there is no 'c'; choose from a, b"),
    ],
)
def test_values_that_an_option_does_not_take_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        build(Outer, {"place": "p", **values})
    assert str(caught.value) == message


def test_a_split_that_leaves_no_photos_to_train_on_is_refused() -> None:
    build(HeadOptions, {"photos": "p", "test_percent": 50, "validation_percent": 49.9})
    with pytest.raises(OptionError, match="leave nothing to train on"):
        build(HeadOptions, {"photos": "p", "test_percent": 50, "validation_percent": 50})


def test_a_search_hands_all_of_its_head_options_to_training_except_tap_size_and_recalibrate() -> None:
    given = {"photos": "p", "weights": "random", "seed": 4, "resize": "crop", "recalibrate": True, "augment": 2}
    options = build(SearchOptions, {**given, "overwrite": True})
    (grid,) = options.grids
    made = options.train_options(grid.head_options("mixed3", 150), Path("m.tflite"), golden=False)
    assert made == build(
        TrainOptions,
        {
            **given, "tap": "mixed3", "image_size": 150, "output": "m.tflite", "golden": False, "overwrite": True,
            "recalibrate": False,
        },
    )  # fmt: skip
