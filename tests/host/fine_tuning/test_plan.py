"""Where a network is cut, what is refused, and how much room the maps may take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.errors import DatasetError
from graft_host.backbones.bottlenecks.workers import OpenNetwork
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.registry import family
from graft_host.fine_tuning.maps import MOST_BYTES, room, write_maps
from graft_host.fine_tuning.options import FineTuneOptions
from graft_host.fine_tuning.plan import Plan, make_plan, multiplications
from graft_host.photos.renditions import renditions
from graft_host.support.option import OptionError
from graft_host.training.options import TrainOptions
from tests.support.host_data import handmade_backbone, photos_in, run_on_small_disk

FEW, MANY = 100, 4000


def spec(name: str, tap: str, size: int) -> BackboneSpec:
    of = family(name)
    weights = WeightsSource(family=of, name="w", path=Path("w"), fingerprint="f", mean=of.mean, std=of.std)
    return BackboneSpec(weights=weights, tap=of.ordered(tap), image_size=size, quantization="int8", resize="squash")


def planned(name: str, tap: str, size: int, photos: int = FEW, renditions: int = 1, room: int = MOST_BYTES) -> Plan:
    plan = make_plan(spec(name, tap, size), photos, 10, renditions, room)
    assert isinstance(plan, Plan), plan
    return plan


@pytest.mark.parametrize(
    ("name", "tap", "size", "cut"),
    [
        ("inception-v3", "mixed7", 192, "mixed4"),
        ("inception-v3", "mixed10", 299, "mixed6"),
        ("inception-v3", "mixed5+mixed6+mixed7+mixed8", 192, "mixed5"),
        ("inception-v3", "mixed5/2x2+mixed5+mixed7/2x2+mixed8+mixed8/2x2", 192, "mixed5"),
        ("efficientnet-lite0", "top", 224, "block11_project"),
        ("efficientnet-lite2", "top", 260, "block15_project"),
    ],
)
def test_the_cut_leaves_a_third_of_the_work_behind_a_small_map(name: str, tap: str, size: int, cut: str) -> None:
    plan = planned(name, tap, size)
    assert plan.cut == cut
    network = spec(name, tap, size)
    whole = network.weights.family.network(network.weights, network.taps, size)
    assert 0.15 < multiplications(plan.tail) / multiplications(whole) < 0.34


def test_few_photos_are_trained_on_more_often() -> None:
    assert planned("efficientnet-lite0", "top", 224, 40).epochs == 20
    assert planned("efficientnet-lite0", "top", 224, 800).epochs == 10
    assert planned("efficientnet-lite0", "top", 224, 90_000).epochs == 6


def test_maps_that_take_too_much_room_are_of_fewer_renditions_or_of_a_later_cut() -> None:
    wide = planned("inception-v3", "mixed10", 299, MANY, 1)
    size = int(np.prod(wide.tail.entrance.shape))
    assert planned("inception-v3", "mixed10", 299, MANY, 5, 3 * (MANY + 10) * size).renditions == 3
    assert planned("inception-v3", "mixed10", 299, MANY, 99, 10**12).renditions == 8
    later = planned("inception-v3", "mixed10", 299, MANY, 1, (MANY + 10) * size - 1)
    assert later.renditions == 1
    assert multiplications(later.tail) < multiplications(wide.tail)
    refused = make_plan(spec("inception-v3", "mixed10", 299), MANY, 10, 1, 1_000_000)
    assert isinstance(refused, str)
    assert refused.startswith("its maps would take ")
    assert refused.endswith(" MB on disk, more than 1 MB, which is what the disk has free")


def test_a_network_without_layers_to_train_has_no_plan() -> None:
    assert make_plan(spec("inception-v3", "mixed0", 75), FEW, 10, 1, MOST_BYTES) == (
        "mixed0 leaves no layers that could be trained"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "float16"}, "layers are trained on maps of int8, not float16"),
        ({"optimizer": "sgd"}, "the optimum that sgd does not find"),
        ({"weights": "random"}, "random weights have learned nothing"),
        ({"max_drop": 0.01}, "--max-drop compares with a float32 network of pretrained weights"),
    ],
)
def test_what_cannot_be_fine_tuned_is_a_usage_error(options: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"quantize": "int8", "optimizer": "lbfgs", "weights": "imagenet", **options}
    given = (values["quantize"], values["optimizer"], values["weights"], values.get("max_drop"))
    FineTuneOptions().check(*given)
    with pytest.raises(OptionError, match=message) as caught:
        FineTuneOptions(fine_tune="auto").check(*given)
    assert caught.value.exit_status == 2
    assert caught.value.remedy.startswith("give ")


def test_the_options_of_train_are_checked() -> None:
    plain = TrainOptions(photos=Path("p"), output=Path("m.tflite"), quantize="float32")
    with pytest.raises(OptionError, match="--fine-tune: layers are trained"):
        replace(plain, fine_tuning=FineTuneOptions(fine_tune="auto"))


def test_maps_are_what_the_network_computes_row_by_row(tmp_path: Path) -> None:
    backbone = handmade_backbone(tmp_path / "b")
    photos, shown = photos_in(tmp_path / "photos", 5), renditions(variants=2, seed=1)
    rows = [(photo, rendition) for rendition in shown for photo in photos[:3]] + [(photos[4], shown[0])]
    rows.append(rows[0])
    tensor = write_maps(backbone.path, backbone.spec, rows, tmp_path / "maps.npy", 2, lambda *_: None)
    maps = np.load(tmp_path / "maps.npy", "r")
    assert maps.shape[0] == len(rows)
    assert tensor == OpenNetwork(backbone.path).outputs[0]
    for place, row in enumerate(rows):
        write_maps(backbone.path, backbone.spec, [row], tmp_path / "one.npy", 1, lambda *_: None)
        np.testing.assert_array_equal(np.load(tmp_path / "one.npy")[0], maps[place])
    np.testing.assert_array_equal(maps[0], maps[-1])
    assert any((maps[0] != maps[place]).any() for place in (3, 6))


def test_a_photo_that_changed_is_an_error(tmp_path: Path) -> None:
    backbone, photos = handmade_backbone(tmp_path / "b"), photos_in(tmp_path / "photos", 2)
    photos[1].path.write_bytes(b"no photo")
    rows = [(photo, renditions()[0]) for photo in photos]
    with pytest.raises(DatasetError, match="changed during the run"):
        write_maps(backbone.path, backbone.spec, rows, tmp_path / "maps.npy", 1, lambda *_: None)


def test_the_room_is_bounded_by_the_limit_and_the_disk(tmp_path: Path) -> None:
    assert 0 < room(tmp_path) <= MOST_BYTES


_FULL = """
import sys
from pathlib import Path
from graft_device.errors import ExportError
from graft_host.fine_tuning.maps import _allocated, room

disk = Path(sys.argv[1])
(disk / "graft-scratch").mkdir()
print(room(disk) < 2_000_000)
try:
    _allocated(disk / "graft-scratch" / "maps.npy", (1000, 8, 8, 100))
except ExportError as error:
    print(str(error).replace(str(disk), "DISK"))
"""


def test_a_full_disk_is_an_error_and_no_signal() -> None:
    fits, message = run_on_small_disk(1000, _FULL).splitlines()
    assert fits == "True"
    assert message == (
        "cannot write 6 MB of maps into DISK: no space left on device; "
        "free some space there, or choose another folder in $TMPDIR"
    )
