"""The backbone with a tuned tail: which bottlenecks change, and what the cache has of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.fine_tuning.plan import Plan, make_plan
from graft_host.fine_tuning.session import open_session
from graft_host.fine_tuning.subject import Subject
from graft_host.fine_tuning.tail_backbone import find_tuned, make_tail
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import scan
from graft_host.photos.renditions import renditions
from tests.support.tiny_models import on_path
from tests.support.tunable_family import SIDE, TUNABLE, install, write_colours, write_weights

TAP = "middle+late+late/2x2"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A subject with two variants of each training photo, its plan, and a tail that was trained on it."""
    folder = tmp_path_factory.mktemp("tail")
    cache, shown = folder / "cache", renditions(variants=2, seed=0)
    weights = find_weights(str(write_weights(folder / "weights.npz")), 0, TUNABLE)
    photos = scan(write_colours(folder / "photos", 20), 2).photos
    train, others = photos[::2], photos[1::2]
    spec = BackboneSpec(weights=weights, tap=TAP, image_size=SIDE, quantization="int8", resize="squash")
    backbone = make_backbone(spec, train, cache, 2)
    with Bottlenecks(backbone, cache) as bottlenecks:
        bottlenecks.extract([replace(job, renditions=shown) for job in photos_alone(photos)], 2, lambda *_: None)
        subject = Subject(
            backbone=backbone,
            shown=[(photo, rendition) for rendition in shown for photo in train],
            train=bottlenecks.matrix(train, shown),
            groups=np.tile(np.arange(len(train)), len(shown)),
            weights=np.ones(len(train) * len(shown)),
            others=others,
            validation=bottlenecks.matrix(others),
            classes=2,
            recipe=Recipe(),
            cache=cache,
            threads=2,
        )
    plan = make_plan(spec, len(train), len(others), len(shown), 10**9)
    assert isinstance(plan, Plan)
    assert find_tuned(subject, plan) is None
    seconds: list[float] = []
    with on_path(folder / "installed", install(folder / "installed")):
        (folder / "maps").mkdir()
        session = open_session(subject, plan, folder / "maps", lambda *_: None)
        took = make_tail(session, lambda *_: None, lambda *given: seconds.extend(given))
    return {"subject": subject, "plan": plan, "session": session, "took": took, "seconds": seconds, "photos": photos}


@pytest.mark.slow
def test_the_training_reports_what_it_takes(made: dict[str, Any]) -> None:
    start, step = made["seconds"]
    assert 0 < step < start <= made["took"].seconds
    assert made["took"].memory > 100_000_000


@pytest.mark.slow
def test_bottlenecks_of_the_front_stay_and_those_of_the_tail_change(made: dict[str, Any]) -> None:
    subject, plan = made["subject"], made["plan"]
    tuned = find_tuned(subject, plan)
    assert tuned is not None
    assert [part.spec.tap for part in tuned.parts] == ["middle", "late", "late/2x2"]
    assert tuned.parts[0] == subject.backbone.parts[0]
    assert tuned.spec.weights.fitted_to == {photo.digest for photo, _ in subject.shown}
    assert len({part.fingerprint for part in (*tuned.parts, *subject.backbone.parts)}) == 5
    photos, jobs = made["photos"], photos_alone(made["photos"])
    with Bottlenecks(tuned, subject.cache) as after, Bottlenecks(subject.backbone, subject.cache) as before:
        assert after.extract(jobs, 2, lambda *_: None).misses == len(photos)
        assert after.extract(jobs, 2, lambda *_: None).misses == 0
        (new, labels), (old, _) = after.matrix(photos), before.matrix(photos)
    early = plan.tail.entrance.shape[-1]
    np.testing.assert_array_equal(new[:, :early], old[:, :early])
    assert (new[:, early:] != old[:, early:]).any(axis=0).all()
    whole, quarters = new[:, early : 2 * early], new[:, 2 * early :].reshape(len(new), 4, early)
    np.testing.assert_allclose(quarters.mean(axis=1), whole, atol=0.05 * np.abs(whole).max())
    means = [np.mean(whole[labels == label], axis=0) for label in (0, 1)]
    spread = np.std(whole, axis=0)
    assert (np.abs(means[0] - means[1]) / spread).max() > 0.5  # brightness alone says nothing about the class


@pytest.mark.slow
def test_another_plan_or_other_photos_have_another_tail(made: dict[str, Any]) -> None:
    subject, plan = made["subject"], made["plan"]
    assert find_tuned(subject, replace(plan, epochs=plan.epochs + 1)) is None
    assert find_tuned(replace(subject, recipe=Recipe(seed=1)), plan) is None
    assert find_tuned(replace(subject, weights=subject.weights * np.arange(1, len(subject.weights) + 1)), plan) is None


@pytest.mark.slow
def test_a_damaged_network_is_not_used(made: dict[str, Any], tmp_path: Path) -> None:
    subject, plan = made["subject"], made["plan"]
    tuned = find_tuned(subject, plan)
    assert tuned is not None
    data = tuned.path.read_bytes()
    tuned.path.write_bytes(data[:-8] + bytes(8))
    assert find_tuned(subject, plan) is None
    tuned.path.write_bytes(data)
    assert find_tuned(subject, plan) == tuned
    assert list(tmp_path.iterdir()) == []
