"""Latency on a board, from files of ``graft-device bench --json``: measured for some networks, estimated for others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.bench.figures import FORMAT
from graft_device.errors import GraftError, os_reason
from graft_device.system.plain import read_plain
from graft_device.text import printable
from graft_host.backbones.family import BackboneError
from graft_host.backbones.registry import family_of_card
from graft_host.network_search.grid import Shape, shape_name

Setting = tuple[str, int]
"""Runtime and threads."""


class LatencyError(GraftError):
    """Figures of a board cannot be used."""


@dataclass(frozen=True, kw_only=True)
class BoardFigures:
    """One file of ``graft-device bench --json``.

    Attributes:
        path: of the file.
        board: its name.
        shape: of the model that was measured.
        ms: median milliseconds of one inference, by setting.
        warnings: the file's own warnings that its figures are unreliable; empty if they are sound.
    """

    path: Path
    board: str
    shape: Shape
    ms: Mapping[Setting, float]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BoardLatency:
    """Latency of networks on one board.

    Attributes:
        board: its name.
        setting: the fastest pair of runtime and threads that every file contains.
        ms: of each network, in the order of the shapes.
        measured: whether a file contains the milliseconds of each network.
        ratios: the smallest and the largest ratio of the board's to this machine's milliseconds.
    """

    board: str
    setting: Setting
    ms: tuple[float, ...]
    measured: tuple[bool, ...]
    ratios: tuple[float, float]


def read_figures(path: Path) -> BoardFigures:
    """Reads one file.

    Raises:
        LatencyError: it is not what ``graft-device bench --json`` prints for an int8 model, its backbone is not
            installed, or nothing was measured.
    """
    try:
        return figures_from(read_plain(path), path)
    except OSError as error:
        raise LatencyError(f"cannot read {path}: {os_reason(error)}") from error


def figures_from(content: bytes, path: Path) -> BoardFigures:
    """Reads the content of one file; the path is for errors, and to find it again. Raises as ``read_figures`` does."""
    try:
        raw = json.loads(content)
        if raw["format"] != FORMAT:
            raise LatencyError(f"{path} has format {raw['format']!r}, and this version reads {FORMAT}", "measure again")
        model, machine = raw["model"], raw["machine"]
        if model["quantization"] != "int8":
            raise LatencyError(f"{path} is of a {model['quantization']} model", "measure an int8 one")
        shape = _backbone(model.get("family"), path), str(model["tap"]), int(model["image_size"])
        ms = dict(_row(row) for row in raw["rows"] if row["invoke_ms"] is not None)
        warnings = tuple(str(warning) for warning in raw.get("warnings", ()))
        board = str(machine["board"] or machine["cpu"] or machine["architecture"])
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise LatencyError(
            f"{path} is not the output of 'graft-device bench MODEL --json'",
            f"run that on the board, with > {path.name}",
        ) from error
    if not ms:
        raise LatencyError(f"{path} contains no measurement, only errors", "read them, and measure again")
    return BoardFigures(path=path, board=board, shape=shape, ms=ms, warnings=warnings)


def common_setting(files: Sequence[BoardFigures], shapes: Sequence[Shape]) -> Setting:
    """The fastest pair of runtime and threads that all files contain.

    Args:
        files: one or more of one board.
        shapes: of the networks that are searched.

    Raises:
        LatencyError: the files are of several boards or have no setting in common, two are of one network, or one is of
            a network that is not searched.
    """
    boards = sorted({figures.board for figures in files})
    if len(boards) > 1:
        raise LatencyError(f"--latency files are of several boards ({', '.join(boards)})", "give files of one board")
    first: dict[Shape, Path] = {}
    for figures in files:
        backbone, tap, size = figures.shape
        name = shape_name(figures.shape)
        if other := first.get(figures.shape):
            raise LatencyError(f"{other} and {figures.path} are both of {name}", "give one of them")
        first[figures.shape] = figures.path
        if figures.shape not in shapes:
            lacks = backbone not in {searched for searched, _, _ in shapes}
            raise LatencyError(
                f"{figures.path} is of {name}, which is not searched, so this machine cannot be compared with the "
                "board",
                f"add {backbone} to --backbones" if lacks else f"add {tap} to --taps and {size} to --sizes",
            )
    common = set.intersection(*(set(figures.ms) for figures in files))
    if not common:
        raise LatencyError("the --latency files have no pair of runtime and threads in common", "measure them alike")
    return min(common, key=lambda setting: (sum(figures.ms[setting] for figures in files), setting))


def on_board(files: Sequence[BoardFigures], shapes: Sequence[Shape], here: Sequence[float]) -> BoardLatency:
    """Latency on the board of every network that is searched.

    A network that is in no file is estimated: its milliseconds on this machine, times the geometric mean of the ratios
    of the board's to this machine's milliseconds over the networks that both have measured. If some of these are of its
    own family, they alone count, because families use operators of different speed.

    Args:
        files: one or more of one board.
        shapes: of the networks.
        here: milliseconds of each network on this machine.

    Raises:
        LatencyError: ``common_setting`` finds no setting.
    """
    setting = common_setting(files, shapes)
    known = {figures.shape: figures.ms[setting] for figures in files}
    ratios = {shape: known[shape] / own for shape, own in zip(shapes, here, strict=True) if shape in known}

    def estimate(shape: Shape, own: float) -> float:
        family = [ratio for other, ratio in ratios.items() if other[0] == shape[0]]
        counted = family or list(ratios.values())
        return own * math.exp(sum(map(math.log, counted)) / len(counted))

    ms = tuple(known.get(shape) or estimate(shape, own) for shape, own in zip(shapes, here, strict=True))
    measured = tuple(shape in known for shape in shapes)
    return BoardLatency(
        board=files[0].board,
        setting=setting,
        ms=ms,
        measured=measured,
        ratios=(min(ratios.values()), max(ratios.values())),
    )


def _backbone(card_name: object, path: Path) -> str:
    """The name of the family that a model card names; files of an earlier graftkit name none, and are of the first."""
    try:
        return family_of_card(card_name).name
    except BackboneError as error:
        raise LatencyError(f"{path}: {error.what}", error.remedy) from error


def _row(row: dict[str, Any]) -> tuple[Setting, float]:
    ms = float(row["invoke_ms"]["median"])
    if not 0 < ms < math.inf:
        raise ValueError("not the milliseconds of an inference")
    return (str(row["runtime"]), int(row["threads"])), ms


def describe(latency: BoardLatency) -> str:
    """Where the milliseconds come from, in a sentence."""
    runtime, threads = latency.setting
    source = f"one inference on {printable(latency.board)}, {runtime}, threads: {threads}"
    if all(latency.measured):
        return f"{source}, as measured there"
    low, high = latency.ratios
    factor = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
    return f"{source}; those with ~ are estimates: this machine's, times the ratio of the measured networks ({factor})"
