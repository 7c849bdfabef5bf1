"""Compares graftkit with the alternatives and writes ``RESULTS.md``; run it with ``make bench``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import description
from benchmarks.results import line, page
from benchmarks.rows import Row
from benchmarks.settings import FULL, QUICK, Settings
from graft_device.system.durable import write_atomically
from graft_device.system.machine import usable_cores
from graft_host.demo.rendering.render import render_dataset

_HERE = Path(__file__).parent
_SHARED = _HERE.parents[1] / "shared"
_RENDERED = 60  # photos to render for each class if there is no folder of photos

GROUPS = {
    "features": "Bottleneck extraction",
    "limit": "Extraction and the machine's limit",
    "heads": "The head",
    "fusing": "Fusing",
    "classifying": "Classifying",
    "starting": "Start-up and memory",
    "making": "Making a backbone",
    "quantizing": "int8 and float32",
    "converting": "The network, and TensorFlow's converter",
    "warming": "A warm start",
    "growing": "From 1,000 to 100,000 photos",
}
"""The title of each module in ``groups``, in the order in which they run."""


def run(settings: Settings, names: list[str], output: Path | None, command: str) -> dict[str, list[Row]]:
    """Runs groups of benchmarks; prints the rows of each group and writes the page after it.

    Args:
        settings: the settings of this run.
        names: the groups to run.
        output: the page to write; None writes no page.
        command: the command that the page names.

    Returns:
        The rows of each group.
    """
    start, results = time.monotonic(), dict[str, list[Row]]()
    machine = description(settings)
    for name in names:
        group_start = time.monotonic()
        results[name] = importlib.import_module(f"benchmarks.groups.{name}").measure(settings)
        title = f"## {GROUPS[name]} ({time.monotonic() - group_start:.0f} s)"
        sys.stdout.write("\n".join([title, *map(line, results[name])]))
        sys.stdout.write("\n")
        sys.stdout.flush()
        if output is not None:
            sections = [(GROUPS[name], rows) for name, rows in results.items()]
            text = page(machine, sections, f"{(time.monotonic() - start) / 60:.0f} minutes", command)
            write_atomically(output, text.encode())
    return results


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes and few turns, to see that everything works")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="run only this group; repeatable")
    parser.add_argument("-o", "--output", type=Path, help="page to write; RESULTS.md for a full run of all groups")
    parser.add_argument("--photos", type=Path, default=_SHARED / "datasets" / "cats_and_dogs")
    parser.add_argument(
        "--weights", help="as in graft train; by default $GRAFT_WEIGHTS, those beside the checkout, or random"
    )
    parser.add_argument("--onnx", type=Path, default=_HERE.parent / ".bench" / "onnx", help="folder of onnxruntime")
    parser.add_argument(
        "--quantizer", type=Path, default=_HERE.parent / ".bench" / "quantizer", help="folder of ai-edge-quantizer"
    )
    args = parser.parse_args()
    names = args.only or list(GROUPS)
    output = args.output or (None if args.quick or args.only else _HERE / "RESULTS.md")
    options = ["--quick"] * args.quick + [f"--only {name}" for name in args.only or []]
    command = " ".join(["python -m benchmarks", *options]) if options else "make bench"
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as scratch:
        run(_settings(args, Path(scratch)), names, output, command)


def _settings(args: argparse.Namespace, scratch: Path) -> Settings:
    photos = args.photos
    if not photos.is_dir():
        photos = scratch / "rendered"
        render_dataset(photos, _RENDERED, 0)
    weights = args.weights or os.environ.get("GRAFT_WEIGHTS") or _weights_beside()
    onnx = args.onnx if args.onnx.is_dir() else None
    return Settings(
        photos=photos,
        weights=weights,
        scratch=scratch,
        cores=usable_cores(),
        scale=QUICK if args.quick else FULL,
        onnx=onnx,
        quantizer=args.quantizer if args.quantizer.is_dir() else None,
        graph_tool=_SHARED / "tools" / "make_inception_2015_graph.py",
    )


def _weights_beside() -> str:
    folder = _SHARED / "weights"
    files = sorted(folder.glob("*.h5")) if folder.is_dir() else []
    return str(files[0]) if files else "random"


if __name__ == "__main__":
    main()
