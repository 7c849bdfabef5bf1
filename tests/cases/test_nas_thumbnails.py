"""Thumbnails that a storage box keeps beside photos are neither trained on nor classified."""

from __future__ import annotations

import pytest

from tests.support.cases import run_case


@pytest.mark.slow
def test_90_photos_are_trained_on_and_30_classified(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case("nas-thumbnails", tmp_path_factory)
    photos, events = done.stdout.splitlines()
    numbers = [int(word) for word in photos.replace(",", " ").split() if word.isdigit()]
    assert (sum(numbers[:3]), numbers[3]) == (90, 0), "training, validation and test; skipped"
    assert int(events) == 30
