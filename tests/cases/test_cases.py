"""Every case from the public reports has a test here."""

from __future__ import annotations

from pathlib import Path

from tests.support.cases import CASES, case_folder


def test_every_case_has_a_test() -> None:
    case_folder("hostile")
    cases = {path.parent.name for path in CASES.glob("*/run.sh")}
    tests = {path.stem.removeprefix("test_").replace("_", "-") for path in Path(__file__).parent.glob("test_*.py")}
    assert cases - tests == set()
