"""Compares networks on folders of photos: milliseconds, megabytes and accuracy, as Markdown and JSON.

Each accuracy is that of heads on the int8 bottlenecks of photos that neither trained the head nor quantized the
backbone, with its standard deviation over draws; behind the slash with ten photos of each class. All networks have the
same draws. Milliseconds are those of the processor, on one thread, the least of five turns in which the networks take
part one after the other. The last two columns compare each network with the reference: how many times as fast it is
with LiteRT, and by how many points it is more accurate on average, with the standard deviation of a draw of each set.

--taps compares networks of several taps with those of one instead.

The figures are kept in FOLDER/networks.json, those of --taps in FOLDER/taps.json. --only accuracy or --only time
measures one half, and keeps the other.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.networks.accuracy import PhotoSet, measured, prepared
from benchmarks.networks.choices import NETWORKS, REFERENCE, TAPS, TAPS_REFERENCE, Network, parse
from benchmarks.networks.table import Row, from_json, markdown, to_json
from benchmarks.networks.timing import costs, files
from graft_device.errors import GraftError
from graft_device.system.durable import write_atomically
from graft_device.system.machine import usable_cores
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.registry import DEFAULT, family
from graft_host.backbones.weights.find import find_weights
from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.dataset import scan

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_RENDERED = 150
_TIMED = 20
"""Rendered photos of each part that the files to be timed are trained on. How many these are changes no time."""

Weights = dict[Network, tuple[str, WeightsSource]]


def main() -> None:
    """Runs the command line."""
    options = _options()
    kept = options.folder / ("taps.json" if options.taps else "networks.json")
    options.folder.mkdir(parents=True, exist_ok=True)
    weights = _weights(options)
    known = {row.network: row for row in from_json(json.loads(kept.read_text())["networks"])} if kept.is_file() else {}
    rows = {network: Row(network) for network in weights}
    for network, row in rows.items():
        if options.only == "time" and network in known:
            row.accuracy = known[network].accuracy
        if options.only == "accuracy" and network in known:
            row.cost = known[network].cost
    described = [hardware_line(usable_cores()), versions_line(), dated()]

    def write() -> None:
        figures = {"machine": described, "seeds": options.seeds, "reference": str(options.reference)}
        figures["networks"] = to_json(list(rows.values()), options.reference)
        write_atomically(kept, (json.dumps(figures, indent=1) + "\n").encode())

    if options.only != "accuracy":
        _time(rows, weights, options.folder)
        write()
    if options.only != "time":
        for photos in _sets(options):
            _measure(rows, weights, photos, options)
            write()
    sys.stdout.write("\n".join([*described, "", markdown(list(rows.values()), options.reference), ""]))
    sys.stderr.write(f"all figures: {kept}\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.networks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asirra = _SHARED / "datasets" / "cats_and_dogs"
    parser.add_argument(
        "photos", nargs="*", type=Path, default=[asirra] * asirra.is_dir(),
        help="folders with a folder of photos for each class (default: cats and dogs, if they are beside the checkout)",
    )  # fmt: skip
    parser.add_argument("--rendered", type=int, default=3, help="data sets to render, seeds 0, 1, … (default: 3)")
    parser.add_argument("--rendered-photos", type=int, default=_RENDERED, help="photos of each part (default: 150)")
    parser.add_argument(
        "--network", dest="networks", action="append", type=parse, metavar="FAMILY:TAP:SIZE",
        help="compare this network; repeatable (default: those of the documents)",
    )  # fmt: skip
    parser.add_argument("--taps", action="store_true", help="compare networks of several taps, at 224")
    parser.add_argument("--reference", type=parse, help=f"default: {REFERENCE}, with --taps {TAPS_REFERENCE}")
    parser.add_argument("--inception-weights", help="as in graft train; by default $GRAFT_WEIGHTS, those beside the "
                        "checkout, or imagenet")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=6, help="draws of test photos from each folder (default: 6)")
    parser.add_argument("--only", choices=["accuracy", "time"], help="measure this half, and keep the other")
    parser.add_argument("--folder", type=Path, default=Path("build/networks"), help="for photos, files and the cache")
    options = parser.parse_args()
    options.networks = options.networks or (TAPS if options.taps else NETWORKS)
    options.reference = options.reference or (TAPS_REFERENCE if options.taps else REFERENCE)
    return options


def _sets(options: argparse.Namespace) -> list[PhotoSet]:
    """The columns of the table; renders what is not there yet."""
    sets = [PhotoSet(folder.name.replace("_", " "), (folder,)) for folder in options.photos]
    rendered = []
    for seed in range(options.rendered):
        folder = options.folder / f"rendered-{seed}-{options.rendered_photos}"
        if not folder.is_dir():
            render_dataset(folder, options.rendered_photos, seed)
        rendered.append(folder)
    return [*sets, PhotoSet("rendered parts", tuple(rendered))] if rendered else sets


def _weights(options: argparse.Namespace) -> Weights:
    """The weights of each network; reports and leaves out those that are not available."""
    beside = sorted((_SHARED / "weights").glob("*.h5"))
    inception = options.inception_weights or os.environ.get("GRAFT_WEIGHTS") or str([*beside, "imagenet"][0])
    weights: Weights = {}
    for network in options.networks:
        name = inception if network.backbone == DEFAULT else "imagenet"
        try:
            weights[network] = name, find_weights(name, 0, family(network.backbone))
        except GraftError as error:
            sys.stderr.write(f"not measured: {network}: {error}\n")
    return weights


def _time(rows: dict[Network, Row], weights: Weights, folder: Path) -> None:
    photos = folder / f"few-{_TIMED}"
    if not photos.is_dir():
        render_dataset(photos, _TIMED, 0)
    measured_costs, missing = costs(files(weights, photos, folder), weights, scan(photos, 1).photos[0].path)
    for network, cost in measured_costs.items():
        rows[network].cost = cost
    for runtime, reason in missing.items():
        sys.stderr.write(f"not measured: {runtime}: {reason}\n")


def _measure(rows: dict[Network, Row], weights: Weights, photos: PhotoSet, options: argparse.Namespace) -> None:
    cache, threads = options.folder / "cache", usable_cores()
    folders = [prepared(folder, options.seeds, cache, threads) for folder in photos.folders]
    # Several taps first: one pass over the photos then serves each of them, too.
    for network, row in sorted(rows.items(), key=lambda item: -len(item[0].tap.split("+"))):
        row.accuracy[photos.name] = measured(network, weights[network][1], folders, cache, threads)
        sys.stderr.write(f"{photos.name}: {network}\n")


if __name__ == "__main__":
    main()
