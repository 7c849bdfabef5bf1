from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_device.errors import ExportError
from graft_host.evaluation.accuracy import Accuracy
from graft_host.heads.chance import ErrorByChance
from graft_host.training.guards import check_outputs, failed_gate, rejected_path, write_model
from graft_host.training.options import TrainOptions
from tests.support.device_models import network

if TYPE_CHECKING:
    from typing import Any

    from graft_host.training.guards import FailedGate


def gate(shipped: float, float32: float | None, **options: Any) -> FailedGate | None:
    wanted = TrainOptions(photos=Path("photos"), output=Path("m.tflite"), **options)
    return failed_gate(
        Accuracy(
            float_head=shipped,
            shipped=shipped,
            agreement=1.0,
            float32=float32,
            error_before=0.0,
            error_after=0.0,
            by_chance=ErrorByChance(0.0, 0.0, 0.0),
        ),
        2,
        wanted,
    )


@pytest.mark.parametrize(
    ("shipped", "float32", "allowed"), [(0.98, 0.98, 0.0), (0.97, 0.98, 0.01), (0.99, 0.9, 0.0), (0.1, None, None)]
)
def test_an_allowed_drop_passes(shipped: float, float32: float | None, allowed: float | None) -> None:
    assert gate(shipped, float32, max_drop=allowed) is None


@pytest.mark.parametrize("allowed", [0.0, 0.0099, float("nan")])
def test_a_larger_drop_is_refused_with_the_figures(allowed: float) -> None:
    refused = gate(0.97, 0.98, max_drop=allowed)
    assert refused is not None
    assert refused.reason.startswith("accuracy 0.9700 on 2 test photos is 0.0100 below float32's 0.9800, more than")
    assert refused.to_json() == {
        "failed": "--max-drop", "wanted": pytest.approx(allowed, nan_ok=True), "measured": pytest.approx(0.01),
    }  # fmt: skip


def test_accuracy_is_checked_before_the_drop() -> None:
    refused = gate(0.5, 0.98, max_drop=0.1, min_accuracy=0.9)
    assert refused is not None
    assert refused.to_json() == {"failed": "--min-accuracy", "wanted": 0.9, "measured": 0.5}
    assert gate(0.9, None, min_accuracy=0.9) is None


def test_figures_are_not_rounded_onto_the_limit_that_they_miss() -> None:
    wanted = TrainOptions(photos=Path("photos"), output=Path("m.tflite"), min_accuracy=0.9455, max_drop=0.0182)
    refused = failed_gate(
        Accuracy(
            float_head=52 / 55,
            shipped=52 / 55,
            agreement=1.0,
            float32=None,
            error_before=0.0,
            error_after=0.0,
            by_chance=ErrorByChance(0.0, 0.0, 0.0),
        ),
        55,
        wanted,
    )
    assert refused is not None
    assert refused.reason == "accuracy 0.94545 (52 of 55 test photos) is below --min-accuracy 0.9455"
    dropped = failed_gate(
        Accuracy(
            float_head=0.97,
            shipped=0.97,
            agreement=1.0,
            float32=0.97 + 0.018204,
            error_before=0.0,
            error_after=0.0,
            by_chance=ErrorByChance(0.0, 0.0, 0.0),
        ),
        55,
        replace(wanted, min_accuracy=None),
    )
    assert dropped is not None
    assert "is 0.018204 below float32's" in dropped.reason


def options(folder: Path, **others: Any) -> TrainOptions:
    (folder / "photos").mkdir(exist_ok=True)
    return TrainOptions(photos=folder / "photos", weights="random", **{"output": folder / "m.tflite", **others})


def test_a_rejected_file_is_not_replaced_without_overwrite(tmp_path: Path) -> None:
    aside = rejected_path(tmp_path / "m.tflite")
    assert aside.name == "m.rejected.tflite"
    aside.write_bytes(network())
    check_outputs(options(tmp_path))
    with pytest.raises(ExportError, match=r"m\.rejected\.tflite exists; give another name with -o, or --overwrite"):
        check_outputs(options(tmp_path, keep_rejected=True))
    check_outputs(options(tmp_path, keep_rejected=True, overwrite=True))
    aside.write_text("precious")
    with pytest.raises(ExportError, match=r"m\.rejected\.tflite exists and is not a \.tflite model"):
        check_outputs(options(tmp_path, keep_rejected=True, overwrite=True))


def test_three_outputs_need_three_places(tmp_path: Path) -> None:
    aside = tmp_path / "m.rejected.tflite"
    for report, role in ((tmp_path / "m.tflite", "model"), (aside, "rejected model")):
        with pytest.raises(ExportError, match=f"the report would replace the {role} .*; give another name with --rep"):
            check_outputs(options(tmp_path, keep_rejected=True, overwrite=True, report=report))
    check_outputs(options(tmp_path, report=aside))
    (tmp_path / "link.tflite").symlink_to(tmp_path / "link.rejected.tflite")
    with pytest.raises(ExportError, match="the model would replace the model"):
        check_outputs(options(tmp_path, output=tmp_path / "link.tflite", keep_rejected=True))


def test_a_file_that_appears_during_the_run_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "m.tflite"
    output.write_bytes(network())
    with pytest.raises(
        ExportError, match=r"m\.tflite was created by another program during this run; give --overwrite to replace it"
    ):
        write_model(output, b"new", overwrite=False)
    output.write_text("precious")
    with pytest.raises(ExportError, match=r"m\.tflite exists and is not a \.tflite model"):
        write_model(output, b"new", overwrite=True)
    assert output.read_text() == "precious"
