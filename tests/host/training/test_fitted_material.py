"""What a training run takes from material whose backbone was fitted to the training photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graft_device.errors import DatasetError
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.heads.novelty import measure_spread
from graft_host.photos.dataset import scan
from graft_host.photos.split import split
from graft_host.photos.split_rule import SplitRule
from graft_host.training.grafting import finished_head
from graft_host.training.material import Material, fitted_photos, group_numbers
from graft_host.training.options import HeadOptions
from tests.support.host_data import handmade_backbone, write_photos

OPTIONS = HeadOptions(photos=Path("photos"), unknown_rate=0.3)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("material")
    dataset = scan(write_photos(folder / "photos", count=40), 2)
    parts, backbone = split(dataset, SplitRule(0, 15, 40)), handmade_backbone(folder / "backbones")
    with Bottlenecks(backbone, folder / "cache") as bottlenecks:
        extraction = bottlenecks.extract(photos_alone(dataset.photos), 2, lambda *_: None)
        return Material(
            dataset=dataset,
            split=parts,
            backbone=backbone,
            extraction=extraction,
            train=bottlenecks.matrix(parts.train),
            validation=bottlenecks.matrix(parts.validation),
            test=bottlenecks.matrix(parts.test),
            groups=group_numbers(parts.train),
            fitted=False,
        )


def test_weights_record_which_photos_they_were_fitted_to(frozen: Material) -> None:
    photos, weights = frozen.split.train, frozen.backbone.spec.weights
    assert not fitted_photos(weights, photos).any()
    tuned = replace(weights, fitted_to=frozenset({photos[0].digest, "elsewhere"}))
    assert fitted_photos(tuned, photos).tolist() == [True] + [False] * (len(photos) - 1)


def test_photos_of_all_parts_set_the_threshold_of_a_frozen_backbone(frozen: Material) -> None:
    head = finished_head(frozen, OPTIONS)
    assert head.unknown is not None
    assert head.unknown.photos == len(frozen.split.train) + len(frozen.split.validation)
    assert head.novelty is not None
    np.testing.assert_array_equal(head.novelty.spread.mean, measure_spread(frozen.train[0]).mean)


def test_held_out_photos_alone_set_what_a_fitted_backbone_gets(frozen: Material) -> None:
    head = finished_head(replace(frozen, fitted=True), OPTIONS)
    held_out = len(frozen.split.validation)
    assert head.photos == held_out
    assert head.unknown is not None
    assert head.unknown.photos == held_out
    assert head.novelty is not None
    np.testing.assert_array_equal(head.novelty.spread.mean, measure_spread(frozen.validation[0]).mean)


def test_a_fitted_backbone_without_validation_photos_is_an_error(frozen: Material) -> None:
    bottlenecks, labels = frozen.validation
    bare = replace(frozen, fitted=True, validation=(bottlenecks[:0], labels[:0]))
    with pytest.raises(DatasetError, match="add photos, or raise --validation-percent"):
        finished_head(bare, OPTIONS)
