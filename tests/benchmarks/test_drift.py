"""What the benchmark of the drift index counts. Figures of real photos are not tested."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from benchmarks.drift.__main__ import classified, kinds
from graft_device.drift.histogram import card_entry
from tests.support.device_models import make_card, picture, write_artifact


def test_each_kind_of_photos_is_compared_with_the_card(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite", card=make_card(scores=card_entry([0.96] * 40, 0)))
    new = [(colour, picture(colour)) for colour in ("red", "green") for _ in range(8)]
    others = [("", Image.new("RGB", (40, 40), "grey"))] * 20
    rows = {name: classified(model, photos) for name, photos in kinds(new, others, 0)}
    assert rows["as in training"].photos == 16
    assert rows["as in training"].right == 1
    assert rows["only red"].photos == 8
    assert rows["1 of 5 of no class"].photos == 20
    assert rows["all of no class"].right is None
    assert rows["very dark"].found.index > rows["as in training"].found.index
    assert rows["all of no class"].found.lower == 1
    assert rows["only red"].text().startswith("8 | 100.0% | 0.0% | ")
