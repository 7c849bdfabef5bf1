"""Families: what Inception-v3's keys must stay, and how another family is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.trunk import trunk_key
from graft_host.backbones.family import BackboneError
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS
from graft_host.backbones.inception_v3.family import FAMILY
from graft_host.backbones.registry import families, family, family_of_card
from graft_host.backbones.weights.find import find_weights
from graft_host.support.option import OptionError
from graft_host.training.options import HeadOptions
from tests.conftest import graft

SPECS = [
    (0, "avg", "mixed0", 75, "int8", "squash"),
    (0, "avg", "mixed10", 299, "int8", "squash"),
    (7, "avg", "mixed7", 150, "int8", "crop"),
    (0, "max", "mixed10", 299, "float32", "squash"),
]


def spec_of(seed: int, pool: str, tap: str, size: int, numbers: str, resize: str) -> BackboneSpec:
    weights = find_weights("random", seed)
    assert weights.fingerprint == f"random:{seed}"
    return BackboneSpec(
        weights=replace(weights, last_pool=pool), tap=tap, image_size=size, quantization=numbers, resize=resize
    )


@pytest.mark.parametrize(
    ("spec", "key", "trunk"),
    list(zip(
        SPECS,
        [
            "0e1ff89cd4322bfd3f3553c86c77da88", "7b3de44fc72f228cd72418eb40e08146",
            "6216c8d99b551ee77cc15df0361cdc13", "a0404caca8f3ec25971fb7ab05dc561a",
        ],
        [
            "ea3ae02da2619aa560d20f7f419f8459", "eb269faf21a777d7339ae92c393e8ca1",
            "3de0d3a8947239ebe7cbd8fe3d7b8532", "e8390cf9f5fbb1c8c16736d37cc9a760",
        ],
        strict=True,
    )),
)  # fmt: skip
def test_caches_of_inception_v3_keep_their_keys(
    spec: tuple[int, str, str, int, str, str], key: str, trunk: str
) -> None:
    backbone = spec_of(*spec)
    assert backbone.key == key
    assert trunk_key(replace(backbone, tap=tap).key for tap in ("mixed0", "mixed5")) == trunk


@pytest.mark.parametrize(
    ("spec", "key", "trunk"),
    list(zip(
        SPECS[:3],
        ["cbd9c33ae4a915a11e0559e444462d79", "616a720be9c3b1f371b366ffd5dc3665", "a9c57c627b3ebe8a5022ce6c5d189a70"],
        ["2973c1b86ea40e5358f2d2a699789d15", "5fd8dd9ffb6ad5ff765f192095cb61a9", "86a41496a8b91011908e971e76bc5875"],
        strict=True,
    )),
)  # fmt: skip
def test_int8_backbones_of_an_earlier_graftkit_are_found_by_their_keys(
    spec: tuple[int, str, str, int, str, str], key: str, trunk: str
) -> None:
    backbone = spec_of(*spec)
    assert backbone.former_key == key
    assert trunk_key(replace(backbone, tap=tap).former_key for tap in ("mixed0", "mixed5")) == trunk


def test_a_float_backbone_of_an_earlier_graftkit_has_no_key() -> None:
    assert spec_of(*SPECS[3]).former_key is None


def test_inception_v3_is_the_first_family() -> None:
    assert families()[0] == "inception-v3"
    assert family("inception-v3") is FAMILY
    assert family_of_card("inception_v3") is family_of_card(None) is FAMILY
    assert FAMILY.taps == tuple(CONVOLUTIONS)
    assert [FAMILY.depth(tap) for tap in FAMILY.taps] == list(range(11))


def test_the_defaults_of_options_are_those_of_the_family() -> None:
    options = HeadOptions(photos=Path("photos"))
    assert (options.tap, options.image_size) == ("mixed10", 299)
    assert HeadOptions(photos=Path("photos"), tap="mixed7").tap == "mixed7"


def test_a_name_that_a_family_lacks_is_an_error_with_the_choices() -> None:
    with pytest.raises(BackboneError, match=r"Inception-v3 has no tap 'mixed11'; choose from mixed0, .*mixed10$"):
        FAMILY.depth("mixed11")
    for size in (74, 2049, 0, -1):
        with pytest.raises(BackboneError, match=f"image size {size} is not in the range .*; give 75 to 2048"):
            FAMILY.check_size(size)
    with pytest.raises(OptionError, match="--backbone: there is no backbone 'alexnet'; choose from inception-v3"):
        HeadOptions(photos=Path("photos"), backbone="alexnet")
    with pytest.raises(BackboneError, match="the model's backbone 'alexnet' is not installed; install the package"):
        family_of_card("alexnet")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--tap", "mixed11"], "'--tap': Inception-v3 has no tap 'mixed11'; choose from mixed0, mixed1, "),
        (["--image-size", "74"], "'--image-size': image size 74 is not in the range of Inception-v3; give 75 to 2048"),
        (["--image-size", "0"], "'--image-size': 0 is not a value that it takes"),
        (["--tap", ""], "'--tap': '' is not a value that it takes"),
        (["--backbone", "alexnet"], "'--backbone': there is no backbone 'alexnet'; choose from inception-v3"),
    ],
)
def test_the_command_line_calls_these_usage_errors(tmp_path: Path, wrong: list[str], message: str) -> None:
    for command in (["train", "-o", tmp_path / "m.tflite"], ["check"], ["compare"]):
        done = graft(*command, tmp_path, *wrong)
        assert done.returncode == 2
        assert message in done.stderr


def test_help_names_the_defaults() -> None:
    shown = " ".join(graft("train", "--help").stdout.split())
    assert "[default: inception-v3]" in shown
    light = [family(f"efficientnet-lite{number}") for number in range(3)]
    for other in light:
        assert f"mixed0 to mixed10 for inception-v3, {other.taps[0]} to {other.taps[-1]} for the others" in shown
        assert f"[default: mixed10 for inception-v3, {other.default_tap} for the others]" in shown
        assert f"75 (for the others {other.smallest_size}) to 2048: smaller is faster" in shown
    assert (
        "earlier is faster. A+B+C puts those of several side by side; A/2x2 takes the means of the four quarters"
        in shown
    )
    sizes = [other.default_size for other in light]
    assert "[default: 299 for inception-v3, {}, {} and {} for the others]".format(*sizes) in shown
