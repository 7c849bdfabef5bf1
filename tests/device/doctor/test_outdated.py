"""Packages with known holes: the floors are those of the package, and ``doctor`` names what is older."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from graft_device.doctor.checks import run_checks
from graft_device.doctor.outdated import floors, outdated
from graft_device.doctor.situation import gather

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.mark.parametrize("python", [(3, 9), (3, 10), (3, 13)])
def test_the_floors_are_those_of_the_package(python: tuple[int, int]) -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    texts = [
        *project["dependencies"],
        *project["optional-dependencies"]["serve"],
        *project["optional-dependencies"]["camera"],
    ]
    version = ".".join(map(str, python))
    required = {}
    for requirement in map(Requirement, texts):
        if requirement.marker is None or requirement.marker.evaluate({"python_version": version}):
            (required[requirement.name],) = (each.version for each in requirement.specifier if each.operator == ">=")
    assert floors(python) == {name: required[name] for name in floors(python)}


def test_no_floor_has_the_hole_of_libwebp() -> None:
    assert Version(floors((3, 9))["pillow"]) >= Version("10.0.1")


def distribution(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_old_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "security" not in [check.name for check in run_checks(replace(gather(tmp_path), outdated={}))]
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, version in {"pillow": "9.4.0", "starlette": "0.49.0rc1", "h11": "0.16.0", "av": "15.1.0"}.items():
        distribution(tmp_path, name, version)
    found = {name: version for name, version in outdated().items() if name != "python-multipart"}
    assert found == {"pillow": "9.4.0", "starlette": "0.49.0rc1"}
    at = replace(gather(tmp_path), outdated={"pillow": "9.4.0", "h11": "0.14.0"})
    at = replace(at, python=replace(at.python, managed=False), machine=replace(at.machine, bits=64, python=(3, 9)))
    (check,) = [check for check in run_checks(at) if check.name == "security"]
    assert check.state == "note"
    assert check.text.startswith("h11 0.14.0, pillow 9.4.0: photos, streams or requests of others may use known holes")
    assert check.remedy == 'python3 -m pip install "h11>=0.16" "pillow>=11.3"'
    (check,) = [
        check for check in run_checks(replace(at, machine=replace(at.machine, bits=32))) if check.name == "security"
    ]
    assert check.remedy == "sudo apt update && sudo apt upgrade"
