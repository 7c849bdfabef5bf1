from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from graft_host.backbones.inception_v3.convolutions import TAPS
from graft_host.network_search.latency import timing as latency
from graft_host.network_search.latency.board_latency import read_figures
from graft_host.network_search.latency.latencies import latencies
from graft_host.network_search.latency.timing import TimedNetwork, Timing, out_of_order, time_networks
from tests.host.network_search.latency.test_board_latency import bench


def network(name: str, tap: str, size: int) -> TimedNetwork:
    """An Inception-v3 network without a file."""
    return TimedNetwork(Path(name), tap, size, TAPS.index(tap))


NETWORKS = [network(f"{tap}-{size}", tap, size) for tap in ("mixed7", "mixed5", "mixed6") for size in (150, 224)]


class Machine:
    """Returns the given milliseconds of each network in turn, and repeats the last ones."""

    def __init__(self, given: dict[str, list[float]]) -> None:
        self._left: dict[str, Iterator[float]] = {}
        for name, values in given.items():
            self._left[name] = iter([*values, *repeat(values[-1], 1000)])
        self.taken: list[str] = []

    def turn(self, path: Path, *_: int) -> tuple[str, float]:
        self.taken.append(str(path))
        return "litert", next(self._left[str(path)])


def timed(monkeypatch: pytest.MonkeyPatch, root: Path, **changes: list[float]) -> tuple[Timing, Machine]:
    """Times ``NETWORKS`` with no disturbance except the given one."""
    plain = {str(network.path): [float(network.image_size) / 10 + int(network.tap[-1])] for network in NETWORKS}
    machine = Machine(plain | {name.replace("_", "-"): values for name, values in changes.items()})
    monkeypatch.setattr(latency, "_turn", machine.turn)
    monkeypatch.setattr(latency, "usable_cores", lambda: 2)
    steps: list[tuple[int, int]] = []
    timing = time_networks(NETWORKS, 2, lambda done, total: steps.append((done, total)), root)
    assert len({total for _, total in steps}) == 1
    assert steps[-1][0] == steps[-1][1]
    return timing, machine


def load(root: Path, running: int) -> Path:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc" / "loadavg").write_text(f"9.00 5.00 1.00 {running}/142 4711\n")
    return root


def test_on_a_quiet_machine_the_fastest_turn_counts_without_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The load of the minute before, such as that of the search itself, does not matter."""
    timing, machine = timed(monkeypatch, load(tmp_path, 1), mixed5_150=[90.0, 20.0, 31.0])
    assert timing == Timing("litert", (22.0, 29.4, 20.0, 27.4, 21.0, 28.4), ())
    assert len(machine.taken) == 5 * len(NETWORKS)
    assert timed(monkeypatch, tmp_path / "no-proc")[0].warnings == ()


def test_other_programs_that_use_the_cores_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    timing, _ = timed(monkeypatch, load(tmp_path, 4))
    assert timing.warnings == ("other programs put a load of 3.0 on 2 cores; stop them and measure again",)


def test_times_out_of_order_are_measured_again_and_then_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    timing, machine = timed(monkeypatch, load(tmp_path, 1), mixed5_150=[90.0] * 5 + [20.0])
    assert timing.warnings == ()
    assert timing.ms[2] == 20.0
    assert machine.taken.count("mixed5-150") == machine.taken.count("mixed7-150") == 10
    assert machine.taken.count("mixed5-224") == 5  # whose order was sound
    timing, machine = timed(monkeypatch, load(tmp_path, 1), mixed5_150=[90.0])
    assert machine.taken.count("mixed5-150") == 15
    (warning,) = timing.warnings
    assert warning.startswith(
        "inception-v3 mixed5 at 150 came out slower than inception-v3 mixed6 at 150, which contains it "
        "(and so did 1 more):"
    )
    assert warning.endswith("stop other programs, and measure again")


def test_a_few_percent_are_noise() -> None:
    pair = [network("b", "mixed10", 150), network("a", "mixed9", 150)]
    assert out_of_order(pair, [10.0, 10.4]) == []
    assert out_of_order(pair, [10.0, 10.6]) == [(pair[1], pair[0])]
    assert out_of_order([pair[0], network("a", "mixed9", 192)], [10.0, 20.0]) == []


def test_warnings_about_this_machine_appear_only_if_its_times_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pair = [network("a", "mixed5", 150), network("b", "mixed7", 224)]
    monkeypatch.setattr(
        "graft_host.network_search.latency.latencies.time_networks",
        lambda *_: Timing("litert", (5.0, 10.0), ("it was busy",)),
    )
    files = [
        read_figures(bench(tmp_path / f"{tap}.json", tap, size, {("litert", 4): 60.0}))
        for tap, size in (("mixed7", 224), ("mixed5", 150))
    ]
    assert latencies(pair, [], 2, print).warnings == ("the milliseconds are unreliable: it was busy",)
    some = latencies(pair, files[:1], 2, print)
    assert (some.estimated, len(some.warnings)) == ((True, False), 1)
    assert latencies(pair, files, 2, print).warnings == ()
