from __future__ import annotations

import pytest

from graft_device.runtime_packages import Machine, install_line, no_runtime, this_machine

LITERT = "python3 -m pip install ai-edge-litert"
TFLITE = 'python3 -m pip install "tflite-runtime==2.14.0" "numpy<2"'


@pytest.mark.parametrize(
    ("system", "machine", "line"),
    [
        ("64-bit Bookworm", Machine("aarch64", 64, (3, 11), (2, 36), True), LITERT),
        ("64-bit Trixie", Machine("aarch64", 64, (3, 13), (2, 41), True), LITERT),
        ("32-bit Bookworm", Machine("armv7l", 32, (3, 11), (2, 36), True), TFLITE),
        ("32-bit Bookworm, 64-bit kernel", Machine("aarch64", 32, (3, 11), (2, 36), True), TFLITE),
        ("64-bit Bullseye", Machine("aarch64", 64, (3, 9), (2, 31), True), TFLITE.replace("2.14", "2.13")),
        ("a Mac", Machine("arm64", 64, (3, 12), None, False), LITERT),
    ],
)
def test_each_system_gets_its_line(system: str, machine: Machine, line: str) -> None:
    assert install_line(machine) == line, system


@pytest.mark.parametrize(
    "machine",
    [
        Machine("armv7l", 32, (3, 13), (2, 41), True),
        Machine("riscv64", 64, (3, 11), (2, 36), True),
        Machine("armv6l", 32, (3, 11), (2, 36), True),
        Machine("aarch64", 64, (3, 9), None, True),
    ],
)
def test_where_there_is_none_it_says_so(machine: Machine) -> None:
    assert install_line(machine) is None
    assert no_runtime(machine).what.startswith(f"there is no runtime for {machine.bits}-bit Python")


def test_the_runtime_asked_for_is_the_one_that_is_named() -> None:
    bookworm = Machine("aarch64", 64, (3, 11), (2, 36), True)
    assert install_line(bookworm, "tflite-runtime") == TFLITE
    assert install_line(bookworm, "litert") == LITERT
    trixie = Machine("aarch64", 64, (3, 13), (2, 41), True)
    assert install_line(trixie, "tflite-runtime") is None
    assert no_runtime(trixie, "tflite-runtime").what == "there is no tflite-runtime for 64-bit Python 3.13 on aarch64"


def test_this_machine_is_known() -> None:
    line = install_line(this_machine())
    assert line is not None
    assert "pip install" in line
