from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.errors import GateError
from graft_host.accuracy import Accuracy
from graft_host.evaluate import Evaluation
from graft_host.guards import check_gates
from graft_host.options import TrainOptions

if TYPE_CHECKING:
    from typing import Any

EVALUATION = Evaluation(("a", "b"), np.array([0, 1]), np.eye(2, dtype=np.float32), {}, (Path("a.jpg"), Path("b.jpg")))


def gate(shipped: float, float32: float | None, folder: Path, **options: Any) -> None:
    wanted = TrainOptions(photos=folder, output=folder / "m.tflite", **options)
    check_gates(EVALUATION, Accuracy(shipped, shipped, 1.0, float32, 0.0, 0.0), b"the artifact", wanted)


@pytest.mark.parametrize(
    ("shipped", "float32", "allowed"), [(0.98, 0.98, 0.0), (0.97, 0.98, 0.01), (0.99, 0.9, 0.0), (0.1, None, None)]
)
def test_what_is_within_the_drop_passes(
    shipped: float, float32: float | None, allowed: float | None, tmp_path: Path
) -> None:
    gate(shipped, float32, tmp_path, max_drop=allowed)


@pytest.mark.parametrize("allowed", [0.0, 0.0099, float("nan")])
def test_a_larger_drop_is_refused_with_the_figures(allowed: float, tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"0\.9700 on 2 test photos is 0\.0100 below float32's 0\.9800") as refused:
        gate(0.97, 0.98, tmp_path, max_drop=allowed)
    assert refused.value.evaluation is EVALUATION
    assert str(refused.value).endswith("m.tflite was not written")
    assert list(tmp_path.iterdir()) == []


def test_a_rejected_artifact_is_kept_whole(tmp_path: Path) -> None:
    for _ in range(2):  # an earlier one is replaced
        with pytest.raises(GateError, match=r"the rejected file is .*m\.rejected\.tflite"):
            gate(0.5, 0.98, tmp_path, max_drop=0.1, keep_rejected=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.rejected.tflite"]
    assert (tmp_path / "m.rejected.tflite").read_bytes() == b"the artifact"
