"""Runs ``graft-device run`` on a generated hour of video with and without the motion gate.

A bench is seen from above. Parts slide in, rest and slide out; a lamp is switched, the exposure drifts, and the last
third is dark and noisy. A model that was trained on the same bench names what is there. The runs read the video as
fast as they can; their clock is that of the video. What was made is kept in FOLDER, and a second start goes on there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.motion.agreement import Agreement, Change, Cost, agreement, changes, kept
from benchmarks.motion.bench import NOTHING, render_bench
from benchmarks.motion.hour import Plan, plan, write_hour
from benchmarks.motion.model import REGION, train_model
from graft_device.system.machine import usable_cores

_SEED = 11
_PER_CLASS = 60
_TOLERANCE_S = 5.0
_STATES = ("--confirm", "3/5")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.motion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where model, video and events are kept")
    parser.add_argument("--minutes", type=float, default=60, help="length of the video (default: 60)")
    parser.add_argument("--rate", type=int, default=2, help="frames a second (default: 2)")
    parser.add_argument("--image-size", type=int, default=224, help="of the network's input (default: 224)")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    model, video = given.folder / "bench.tflite", given.folder / f"{given.minutes:g}-minutes-{given.rate}.mp4"
    train_model(model, given.folder, _PER_CLASS, given.image_size)
    bench = render_bench(_SEED)
    planned = plan(bench, given.minutes * 60, _SEED)
    if not video.exists():
        write_hour(video, bench, planned, given.rate, _SEED)
    common = [str(model), "--source", str(video), "--roi", REGION, "--threads", "1"]
    gate = ["--on-motion", "--at-least-every", "60"]
    ungated, ungated_cost = kept(video.with_suffix(".all.json"), [*common, *_STATES])
    gated, gated_cost = kept(video.with_suffix(".gate.json"), [*common, *_STATES, *gate])
    answers, _ = kept(video.with_suffix(".answers.json"), [*common, *gate])
    frames = int(planned.seconds * given.rate)
    lines = [hardware_line(usable_cores()), versions_line(), dated(), ""]
    lines += _costs(frames, len(answers), ungated_cost, gated_cost)
    lines += ["", *_agreements(planned, changes(ungated), changes(gated))]
    sys.stdout.write("\n".join(lines) + "\n")


def _costs(frames: int, inferences: int, ungated: Cost, gated: Cost) -> list[str]:
    return [
        "| | every frame | `--on-motion --at-least-every 60` |",
        "| --- | --: | --: |",
        f"| frames | {frames} | {frames} |",
        f"| inferences | {frames} | {inferences} ({1 - inferences / frames:.1%} saved) |",
        f"| CPU seconds | {ungated.cpu_s:.1f} | {gated.cpu_s:.1f} |",
        f"| seconds | {ungated.wall_s:.1f} | {gated.wall_s:.1f} |",
        f"| enter and leave events | {ungated.lines} | {gated.lines} |",
    ]


def _agreements(planned: Plan, ungated: list[Change], gated: list[Change]) -> list[str]:
    truth = [
        Change(kind, visit.part.label, position)
        for visit in planned.visits
        for kind, position in (("enter", visit.start), ("leave", visit.end))
    ]
    moved = [change for change in ungated if change.label != NOTHING]
    seen = [change for change in gated if change.label != NOTHING]
    return [
        f"{len(planned.visits)} visits of parts, the lamp switched {len(planned.lamps)} times.",
        _line("without and with the gate, all states", agreement(ungated, gated, _TOLERANCE_S)),
        _line("what happened, and without the gate, parts", agreement(truth, moved, _TOLERANCE_S)),
        _line("what happened, and with the gate, parts", agreement(truth, seen, _TOLERANCE_S)),
    ]


def _line(what: str, found: Agreement) -> str:
    largest = max(map(abs, found.apart_s), default=0.0)
    text = (
        f"- {what}: {found.both} in both, {len(found.first_only)} only in the first, "
        f"{len(found.second_only)} only in the second; at most {largest:.1f} s apart"
    )
    lonely = [f"{each.kind} {each.label} at {each.position:.1f} s" for each in (*found.first_only, *found.second_only)]
    return f"{text} ({', '.join(lonely)})" if lonely else text


if __name__ == "__main__":
    main()
